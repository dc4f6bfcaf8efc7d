import type { ActorStore } from './actor-store.ts';
import { reasonOf } from './answer.ts';
import type { Attempt, Prepared } from './attempt.ts';
import { beginAttempt } from './attempt.ts';
import type { CommitFailureMemory } from './commit-failure.ts';
import { commitStatement } from './commit.sql.ts';
import { refuse } from './door.ts';
import { answerUncertain, settleDoubts } from './doubts.ts';
import type { Job, Leftover, Pending } from './pending.ts';
import { isInternal } from './pending.ts';
import type { Plan } from './plan.ts';
import { prepare } from './prepare.ts';
import { preparedName } from './prepared-name.ts';
import { answerTo } from './recorded.ts';
import { Recovery } from './recovery.ts';
import type { Registry } from './registry.ts';
import type { RuntimeLog } from './runtime.ts';
import type { SqlPool, Sql } from './sql.ts';
import { faultOfRows } from './sql-error.ts';

export interface CommitterParts {
  readonly sql: SqlPool;
  readonly registry: Registry;
  readonly store: ActorStore;
  readonly log: RuntimeLog;
  /** Told of commits that the server can not write, and of the next that it could. */
  readonly failure: CommitFailureMemory;
  /** Called after a commit with what it wrote. */
  readonly onCommitted: (plans: readonly Plan[], xid: string) => void;
  /** A message whose receiver does not exist. */
  readonly onDeadLetter: (messageId: string) => Promise<void>;
}

/** Takes batches of events through step and commit, and settles what races, faults and lost connections leave open. */
export class Committer {
  readonly #parts: CommitterParts;
  readonly #recovery: Recovery;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#recovery = new Recovery(parts);
  }

  /** Commits a batch; gives back what has to be tried again. */
  async commit(jobs: readonly Job[]): Promise<Leftover[]> {
    try {
      return await this.#finish(await this.#attempt(this.#parts.sql, jobs, false));
    } catch (thrown) {
      return this.#recover(jobs, thrown);
    }
  }

  /** Commits one actor that lost too often: its row is waited for and held, so that nobody can win against it. */
  async commitAlone(job: Job): Promise<Leftover[]> {
    try {
      return await this.#finish(await this.#parts.sql.transaction((sql) => this.#attempt(sql, [job], true)));
    } catch (thrown) {
      // The guilty event is found outside: the transaction has ended with the fault.
      return faultOfRows(thrown) === null ? this.#recover([job], thrown) : this.commit([job]);
    }
  }

  async #attempt(sql: Sql, jobs: readonly Job[], lock: boolean): Promise<Attempt> {
    const { registry, store } = this.#parts;
    const attempt = beginAttempt();
    const loaded = await store.load(
      sql,
      jobs.map(({ actorId }) => actorId),
      lock,
    );
    const open = await answerUncertain(sql, jobs, attempt);
    const prepared: Prepared[] = [];
    for (const job of open) {
      try {
        const ready = prepare(registry, job, loaded.get(job.actorId), attempt);
        if (ready !== null) prepared.push(ready);
      } catch (thrown) {
        attempt.defects.push({ pendings: job.pendings, thrown });
      }
    }
    await this.#write(sql, prepared, attempt);
    await settleDoubts(sql, store, attempt);
    return attempt;
  }

  /** The one statement. Whoever did not go through is forgotten and left over, with all that was said of it. */
  async #write(sql: Sql, prepared: readonly Prepared[], attempt: Attempt): Promise<void> {
    const writing = prepared.filter(({ turn }) => turn.plan.entries.length > 0);
    if (writing.length === 0) return;
    const { registry, store } = this.#parts;
    const { doubts } = attempt;
    const { text, values } = commitStatement(
      writing.map(({ turn }) => turn),
      registry.rowWriters,
    );
    const { rows } = await sql.query<{ id: string; xid: string }>(text, values, preparedName(text));
    const through = new Set(rows.map(({ id }) => id));
    attempt.xid = rows[0]?.xid ?? attempt.xid;
    for (const { pendings, turn } of writing) {
      const actorId = turn.actor.id;
      store.forget(actorId);
      if (!through.has(actorId)) {
        const own = (pending: Pending) => pending.actorId === actorId;
        const again = new Set([...pendings.values(), ...doubts.map(({ pending }) => pending).filter(own)]);
        doubts.splice(0, doubts.length, ...doubts.filter(({ pending }) => !own(pending)));
        const others = attempt.leftovers.filter((leftover) => leftover.actorId !== actorId);
        attempt.leftovers.splice(0, attempt.leftovers.length, ...others, {
          actorId,
          pendings: [...again],
          why: 'lost',
        });
        continue;
      }
      if (turn.plan.quarantines.length === 0) store.keep({ ...turn.actor, upgradedFrom: null });
      attempt.plans.push(turn.plan);
      for (const { incoming, stepped } of turn.steps) {
        if (stepped.result !== 'applied') continue;
        attempt.answers.push({
          pending: pendings.get(incoming) as Pending,
          delivery: answerTo(stepped.entry),
        });
      }
    }
  }

  #recover(jobs: readonly Job[], thrown: unknown): Promise<Leftover[]> {
    return this.#recovery.recover(jobs, thrown, (half) => this.commit(half));
  }

  async #finish(attempt: Attempt): Promise<Leftover[]> {
    for (const { pending, delivery } of attempt.answers) pending.resolve(delivery);
    if (attempt.plans.length > 0) {
      this.#parts.failure.clear();
      this.#parts.onCommitted(attempt.plans, attempt.xid);
    }
    for (const messageId of attempt.deadLetters) await this.#parts.onDeadLetter(messageId);
    const leftovers = [...attempt.leftovers];
    for (const { pendings, thrown } of attempt.defects) {
      this.#parts.log.error(
        { err: thrown, actorId: pendings[0]?.actorId },
        'a step threw; its events are turned away',
      );
      for (const pending of pendings) {
        if (isInternal(pending))
          leftovers.push(
            ...(await this.#recovery.setAside(
              pending,
              reasonOf(thrown),
              refuse('quarantined', reasonOf(thrown)),
            )),
          );
        else pending.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    }
    return leftovers;
  }
}
