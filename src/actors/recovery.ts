import type { ActorStore } from './actor-store.ts';
import { quarantine } from './actor-store.ts';
import { reasonOf } from './answer.ts';
import type { CommitFailureMemory } from './commit-failure.ts';
import { refuse } from './door.ts';
import type { Refused } from './outcome.ts';
import type { Job, Leftover, Pending } from './pending.ts';
import { isInternal } from './pending.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';
import { faultOfRows } from './sql-error.ts';

type Commit = (jobs: readonly Job[]) => Promise<Leftover[]>;

interface RecoveryParts {
  readonly failure: CommitFailureMemory;
  readonly sql: Sql;
  readonly store: Pick<ActorStore, 'forget'>;
  readonly log: RuntimeLog;
}

/** What to do about a commit that failed, and about an event that can not be written. */
export class Recovery {
  readonly #parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** A fault of rows halves the batch until the guilty event stands alone; anything else means that the outcome is unknown. */
  async recover(jobs: readonly Job[], thrown: unknown, commit: Commit): Promise<Leftover[]> {
    const { log, store } = this.#parts;
    for (const { actorId } of jobs) store.forget(actorId);
    this.#parts.failure.note(thrown);
    const fault = faultOfRows(thrown);
    if (fault === null) {
      log.warn(
        { err: thrown, actors: jobs.length },
        'a commit got no answer; its events are looked up and tried again',
      );
      return jobs.map((job) => ({ ...job, why: 'unknown' as const }));
    }
    const halves = halve(jobs);
    if (halves !== null) return [...(await commit(halves[0])), ...(await commit(halves[1]))];
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
    return this.setAside(pending, reasonOf(thrown), refusal);
  }

  /** An internal event that can not be written sets its actor aside; its row stays and comes again after a replay. */
  async setAside(pending: Pending, reason: string, refusal: Refused): Promise<Leftover[]> {
    const { sql, log } = this.#parts;
    try {
      await quarantine(sql, pending.actorId, reason);
      log.error(
        { actorId: pending.actorId, eventId: pending.eventId, reason },
        'actor quarantined: an event of its own can not be written',
      );
      pending.resolve(refusal);
      return [];
    } catch (notWritten) {
      this.#parts.failure.note(notWritten);
      return [{ actorId: pending.actorId, pendings: [pending], why: 'unknown' }];
    }
  }
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
