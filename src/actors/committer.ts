import type { ActorRow } from './actor-row.ts';
import { readActor } from './actor-row.ts';
import type { ActorStore, Loaded } from './actor-store.ts';
import { quarantine } from './actor-store.ts';
import { answerOf, reasonOf } from './answer.ts';
import { commitStatement } from './commit.sql.ts';
import { admit, admitMessage, refuse } from './door.ts';
import type { Incoming } from './incoming.ts';
import type { Refused } from './outcome.ts';
import type { Delivery, Job, Leftover, Pending } from './pending.ts';
import { isInternal } from './pending.ts';
import type { Plan } from './plan.ts';
import { answerTo, readStanding, readyInputs } from './recorded.ts';
import type { Registry } from './registry.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql, SqlPool } from './sql.ts';
import { faultOfRows } from './sql-error.ts';
import type { LoadedActor, Turn } from './turn.ts';
import { takeTurn } from './turn.ts';
import { preparedName } from './prepared-name.ts';

export interface CommitterParts {
  readonly sql: SqlPool;
  readonly registry: Registry;
  readonly store: ActorStore;
  readonly log: RuntimeLog;
  /** Called after a commit with what it wrote. */
  readonly onCommitted: (plans: readonly Plan[], xid: string) => void;
  /** A message whose receiver does not exist. */
  readonly onDeadLetter: (messageId: string) => Promise<void>;
}

/** One actor of a batch on its way through. */
interface Prepared {
  readonly pendings: ReadonlyMap<Incoming, Pending>;
  readonly turn: Turn;
}

/** A refusal that holds only if the actor is still at that version and the journal does not know the event. */
interface Doubt {
  readonly pending: Pending;
  readonly delivery: Delivery;
  readonly version: number;
}

/** What one try came to. Nobody is told before the commit has returned. */
interface Attempt {
  readonly answers: { pending: Pending; delivery: Delivery }[];
  readonly leftovers: Leftover[];
  readonly plans: Plan[];
  readonly deadLetters: string[];
  /** Steps that threw where nothing may throw: a defect, which must stay with its actor. */
  readonly defects: { pendings: readonly Pending[]; thrown: unknown }[];
  xid: string;
}

/** Takes batches of events through step and commit, and settles what races, faults and lost connections leave open. */
export class Committer {
  readonly #parts: CommitterParts;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
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
    const attempt: Attempt = { answers: [], leftovers: [], plans: [], deadLetters: [], defects: [], xid: '' };
    const loaded = await this.#parts.store.load(
      sql,
      jobs.map(({ actorId }) => actorId),
      lock,
    );
    const open = await this.#answerUncertain(sql, jobs, attempt);
    const doubts: Doubt[] = [];
    const prepared: Prepared[] = [];
    for (const job of open) {
      try {
        const ready = this.#prepare(job, loaded.get(job.actorId), attempt, doubts);
        if (ready !== null) prepared.push(ready);
      } catch (thrown) {
        attempt.defects.push({ pendings: job.pendings, thrown });
      }
    }
    await this.#write(sql, prepared, attempt, doubts);
    await this.#settleDoubts(sql, doubts, attempt);
    return attempt;
  }

  /** Events that may have been committed before: answered from the journal, dropped when their row is gone, else tried again. */
  async #answerUncertain(sql: Sql, jobs: readonly Job[], attempt: Attempt): Promise<readonly Job[]> {
    const uncertain = jobs.flatMap(({ pendings }) => pendings).filter((pending) => pending.isUncertain);
    if (uncertain.length === 0) return jobs;
    const { recorded } = await readStanding(sql, uncertain);
    const internal = uncertain.flatMap(({ actorId, source }) =>
      'incoming' in source ? [{ actorId, incoming: source.incoming }] : [],
    );
    const ready = await readyInputs(sql, internal);
    const settled = new Set<Pending>();
    for (const pending of uncertain) {
      const known = recorded.get(`${pending.actorId}/${pending.eventId}`);
      // A message that keeps losing stands behind an older one: the next look at the table brings both, in order.
      const isBehind = senderOf(pending) !== null && pending.losses > 3;
      const isLost = isInternal(pending) && (!ready.has(pending.eventId) || isBehind);
      if (known === undefined && !isLost) continue;
      settled.add(pending);
      attempt.answers.push({ pending, delivery: known ?? { outcome: 'dropped' } });
    }
    return jobs.map(({ actorId, pendings }) => ({
      actorId,
      pendings: pendings.filter((pending) => !settled.has(pending)),
    }));
  }

  /** Steps one actor; null when there is nothing to commit for it. */
  #prepare(job: Job, loaded: Loaded | undefined, attempt: Attempt, doubts: Doubt[]): Prepared | null {
    if (job.pendings.length === 0) return null;
    if (loaded === undefined || loaded.found === 'missing') {
      for (const pending of job.pendings) {
        attempt.answers.push({ pending, delivery: refuse('unknown_actor', 'there is no actor of that id') });
        const origin = 'incoming' in pending.source ? pending.source.incoming.origin : null;
        if (origin?.kind === 'message') attempt.deadLetters.push(origin.messageId);
      }
      return null;
    }
    if (loaded.found === 'aside') return this.#prepareAside(job, loaded.row, loaded.reason, attempt, doubts);
    return this.#step(loaded.actor, job.pendings, attempt, doubts);
  }

  /** Of an actor in quarantine only a replay is stepped; others are refused, and rows of internal events stay. */
  #prepareAside(job: Job, row: ActorRow, reason: string, attempt: Attempt, doubts: Doubt[]): Prepared | null {
    const replays = job.pendings.filter(
      ({ source }) => 'incoming' in source && source.incoming.origin?.kind === 'quarantine',
    );
    for (const pending of job.pendings) {
      if (replays.includes(pending)) continue;
      const refusal = refuse('quarantined', `the actor is set aside until an operator replays it: ${reason}`);
      const delivery: Delivery = isInternal(pending) ? { outcome: 'dropped' } : refusal;
      doubts.push({ pending, delivery, version: Number(row.version) });
    }
    return replays.length === 0
      ? null
      : this.#step(readActor(this.#parts.registry, row), replays, attempt, doubts);
  }

  #step(actor: LoadedActor, pendings: readonly Pending[], attempt: Attempt, doubts: Doubt[]): Prepared {
    const registered = this.#parts.registry.get(actor.machine);
    const refused: { pending: Pending; delivery: Refused }[] = [];
    const admitted = new Map<Incoming, Pending>();
    for (const pending of inOrder(pendings)) {
      const let_in = letIn(pending);
      if ('outcome' in let_in) refused.push({ pending, delivery: let_in });
      else admitted.set(let_in, pending);
    }
    const turn = takeTurn(this.#parts.registry, actor, [...admitted.keys()]);
    const describe = (refusal: Refused): Refused => ({
      ...refusal,
      version: turn.row.version,
      ...answerOf(registered, turn.actor.state.snapshot),
    });
    const version = turn.plan.entries.length === 0 ? turn.base : turn.row.version;
    for (const { pending, delivery } of refused)
      doubts.push({ pending, delivery: describe(delivery), version });
    const stepped = new Set<Pending>();
    for (const { incoming, stepped: result } of turn.steps) {
      const pending = admitted.get(incoming) as Pending;
      stepped.add(pending);
      if (result.result === 'stale') doubts.push({ pending, delivery: { outcome: 'dropped' }, version });
      if (result.result === 'refused')
        doubts.push({ pending, delivery: describe(refuse(result.code, result.message)), version });
    }
    const rest = [...admitted.values()].filter((pending) => !stepped.has(pending));
    if (rest.length > 0) attempt.leftovers.push({ actorId: actor.id, pendings: rest, why: 'again' });
    return { pendings: admitted, turn };

    function letIn({ source }: Pending): Incoming | Refused {
      if ('posted' in source) return admit(registered, source.posted);
      return source.incoming.origin?.kind === 'message'
        ? admitMessage(registered, source.incoming)
        : source.incoming;
    }
  }

  /** The one statement. Whoever did not go through is forgotten and left over, with all that was said of it. */
  async #write(sql: Sql, prepared: readonly Prepared[], attempt: Attempt, doubts: Doubt[]): Promise<void> {
    const writing = prepared.filter(({ turn }) => turn.plan.entries.length > 0);
    if (writing.length === 0) return;
    const { registry, store } = this.#parts;
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

  /** Says no only when the journal does not know the event and the actor is where it was thought to be. */
  async #settleDoubts(sql: Sql, doubts: readonly Doubt[], attempt: Attempt): Promise<void> {
    if (doubts.length === 0) return;
    const standing = await readStanding(
      sql,
      doubts.map(({ pending }) => pending),
    );
    for (const { pending, delivery, version } of doubts) {
      const recorded = standing.recorded.get(`${pending.actorId}/${pending.eventId}`);
      if (recorded !== undefined) {
        attempt.answers.push({ pending, delivery: recorded });
      } else if (standing.versions.get(pending.actorId) === version) {
        attempt.answers.push({ pending, delivery });
      } else {
        this.#parts.store.forget(pending.actorId);
        attempt.leftovers.push({ actorId: pending.actorId, pendings: [pending], why: 'again' });
      }
    }
  }

  async #finish(attempt: Attempt): Promise<Leftover[]> {
    for (const { pending, delivery } of attempt.answers) pending.resolve(delivery);
    if (attempt.plans.length > 0) this.#parts.onCommitted(attempt.plans, attempt.xid);
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
            ...(await this.#setAside(pending, reasonOf(thrown), refuse('quarantined', reasonOf(thrown)))),
          );
        else pending.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    }
    return leftovers;
  }

  /** A fault of rows halves the batch until the guilty event stands alone; anything else means that the outcome is unknown. */
  async #recover(jobs: readonly Job[], thrown: unknown): Promise<Leftover[]> {
    const { log, store } = this.#parts;
    for (const { actorId } of jobs) store.forget(actorId);
    const fault = faultOfRows(thrown);
    if (fault === null) {
      log.warn(
        { err: thrown, actors: jobs.length },
        'a commit got no answer; its events are looked up and tried again',
      );
      return jobs.map((job) => ({ ...job, why: 'unknown' as const }));
    }
    const halves = halve(jobs);
    if (halves !== null) return [...(await this.commit(halves[0])), ...(await this.commit(halves[1]))];
    const pending = jobs[0]?.pendings[0];
    if (pending === undefined) return [];
    const details = {
      sqlstate: fault.code,
      ...(fault.constraint === undefined ? {} : { constraint: fault.constraint }),
    };
    const refusal = refuse(
      'constraint',
      `the database can not hold what the event leads to: ${fault.message}`,
      details,
    );
    if (!isInternal(pending)) {
      pending.resolve(refusal);
      return [];
    }
    return this.#setAside(pending, reasonOf(thrown), refusal);
  }

  /** An internal event that can not be written sets its actor aside; its row stays and comes again after a replay. */
  async #setAside(pending: Pending, reason: string, refusal: Refused): Promise<Leftover[]> {
    const { sql, log } = this.#parts;
    try {
      await quarantine(sql, pending.actorId, reason);
      log.error(
        { actorId: pending.actorId, eventId: pending.eventId, reason },
        'actor quarantined: an event of its own can not be written',
      );
      pending.resolve(refusal);
      return [];
    } catch {
      return [{ actorId: pending.actorId, pendings: [pending], why: 'unknown' }];
    }
  }
}

/** Messages of one sender stand in the order they were sent, in the places where messages of that sender stand. */
function inOrder(pendings: readonly Pending[]): Pending[] {
  const sorted = new Map<string, Pending[]>();
  for (const pending of pendings) {
    const sender = senderOf(pending);
    if (sender !== null) sorted.set(sender.fromId, [...(sorted.get(sender.fromId) ?? []), pending]);
  }
  for (const own of sorted.values()) own.sort((a, b) => order(a) - order(b) || place(a) - place(b));
  return pendings.map((pending) => {
    const sender = senderOf(pending);
    return sender === null ? pending : (sorted.get(sender.fromId)?.shift() as Pending);
  });
}

function senderOf({ source }: Pending) {
  const origin = 'incoming' in source ? source.incoming.origin : null;
  return origin?.kind === 'message' ? origin : null;
}

function order(pending: Pending): number {
  return senderOf(pending)?.seq ?? 0;
}

function place(pending: Pending): number {
  return senderOf(pending)?.place ?? 0;
}

function halve(jobs: readonly Job[]): [Job[], Job[]] | null {
  if (jobs.length > 1) {
    const middle = Math.ceil(jobs.length / 2);
    return [jobs.slice(0, middle), jobs.slice(middle)];
  }
  const [job] = jobs;
  if (job === undefined || job.pendings.length < 2) return null;
  const middle = Math.ceil(job.pendings.length / 2);
  return [
    [{ ...job, pendings: job.pendings.slice(0, middle) }],
    [{ ...job, pendings: job.pendings.slice(middle) }],
  ];
}
