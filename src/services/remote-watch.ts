import type { Runtime } from '../actors/runtime.ts';
import type { Sql } from '../actors/sql.ts';
import { GitError } from '../git/git-error.ts';
import type { Hub } from '../git/hub.ts';
import type { HubProject } from '../git/hub-types.ts';
import { initiativeMachine } from '../machines/initiative.ts';

const LOOK_MS = 60_000;

/** A remote is asked again when this has passed since it was asked last, by the clock of the database. */
export const FETCH_AGE_SECONDS = 600;

/** The states of an initiative that is over. */
const OVER = Object.values(initiativeMachine.states)
  .filter(({ tags }) => tags.includes('settled'))
  .map(({ key }) => key);

export interface RemoteWatchClock {
  /** How often it is looked for remotes that are due. */
  readonly lookMs: number;
}

interface WatchLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A project whose turn was taken; `begun` is when, by the database. */
interface Due extends HubProject {
  readonly key: string;
  readonly begun: Date;
}

/**
 * Fetches the remotes of initiatives that are not over now and then, so that it is known how far the default branches have moved.
 * Nothing waits for it. Every replica does it; whoever takes a project's turn writes that down first, so that it is nobody's turn for
 * a while, also when the taker dies or the remote hangs.
 */
export class RemoteWatch {
  readonly #sql: Sql;
  readonly #hub: Pick<Hub, 'fetch'>;
  readonly #runtime: Pick<Runtime, 'readiness'>;
  readonly #log: WatchLog;
  readonly #lookMs: number;
  readonly #stopping = new AbortController();
  /** What was wrong with the remote of a project when it was said last. */
  readonly #said = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: {
    sql: Sql;
    hub: Pick<Hub, 'fetch'>;
    runtime: Pick<Runtime, 'readiness'>;
    log: WatchLog;
    lookMs?: number | undefined;
  }) {
    this.#sql = deps.sql;
    this.#hub = deps.hub;
    this.#runtime = deps.runtime;
    this.#log = deps.log;
    this.#lookMs = deps.lookMs ?? LOOK_MS;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look()
        .catch((err: unknown) => this.#log.warn({ err }, 'it could not be looked for remotes to fetch'))
        .finally(() => {
          this.#looking = undefined;
        });
    }, this.#lookMs);
  }

  /** Ends the fetch that is under way, and begins no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** One round: fetches what is due, one remote after the other. */
  async look(): Promise<void> {
    while (!this.#stopping.signal.aborted && this.#runtime.readiness().ready) {
      const due = await this.#take();
      if (due === null) return;
      await this.#fetch(due);
    }
  }

  async #take(): Promise<Due | null> {
    const { rows } = await this.#sql.query<Due>(
      `UPDATE project SET fetch_begun_at = db_now() WHERE id = (
         SELECT p.id FROM project p
          WHERE p.fetch_begun_at < db_now() - $1 * interval '1 second'
            AND EXISTS (SELECT FROM initiative_project l JOIN actor a ON a.id = l.initiative_id
                         WHERE l.project_id = p.id AND a.snapshot ->> 'value' <> ALL($2::text[]))
          ORDER BY p.fetch_begun_at LIMIT 1 FOR NO KEY UPDATE OF p SKIP LOCKED)
       RETURNING id, key, remote, default_branch AS "defaultBranch", fetch_begun_at AS begun`,
      [FETCH_AGE_SECONDS, OVER],
    );
    return rows[0] ?? null;
  }

  async #fetch(due: Due): Promise<void> {
    try {
      await this.#hub.fetch(due, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#failed(due, error);
      return;
    }
    if (this.#said.delete(due.id)) this.#log.info({ project: due.key }, 'the remote can be fetched again');
    // What came while it was being fetched may be missing.
    await this.#sql.query('UPDATE project SET fetched_at = greatest(fetched_at, $2) WHERE id = $1', [
      due.id,
      due.begun,
    ]);
  }

  /** Says it once, and again when something else is wrong. Only the message is logged, which has no credentials in it. */
  #failed({ id, key }: Due, error: unknown): void {
    const [code, reason] =
      error instanceof GitError ? [error.code, error.message] : ['failed', String(error)];
    if (this.#said.get(id) === code) return;
    this.#said.set(id, code);
    this.#log.warn({ project: key, code, reason }, 'the remote could not be fetched; it is tried again');
  }
}
