import type { CommitFailure } from '../actors/commit-failure.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { Hub } from '../git/hub.ts';
import { unfinishable } from '../git/landing-types.ts';
import type { Readiness } from './contracts.ts';

const LOOK_MS = 2_000;
const DATABASE_ANSWER_MS = 2_000;

interface Check {
  readonly ready: boolean;
  readonly detail: string;
  readonly cause?: string;
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What `/readyz` says. The hub is looked at in the background: sweeping locks is no work for every probe. */
export class ReadinessMonitor {
  readonly #sql: SqlPool;
  readonly #hub: Pick<Hub, 'sweep'>;
  readonly #runtime: () => Pick<Runtime, 'readiness'>;
  readonly #serverTrouble: () => string | null;
  #hubSays: Check = { ready: false, detail: 'not looked at yet' };
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: {
    sql: SqlPool;
    hub: Pick<Hub, 'sweep'>;
    runtime: () => Pick<Runtime, 'readiness'>;
    /** Why a server of our own can not be started. */
    serverTrouble: () => string | null;
  }) {
    this.#sql = deps.sql;
    this.#hub = deps.hub;
    this.#runtime = deps.runtime;
    this.#serverTrouble = deps.serverTrouble;
  }

  /** The first look removes the locks that a crash left, before any work begins. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async read(): Promise<Readiness> {
    const runtime = this.#runtime().readiness();
    const checks = [
      { name: 'database', ...(await this.#database(runtime.commitFailure)) },
      {
        name: 'actors',
        ready: runtime.ready && !runtime.outage,
        detail: runtime.outage
          ? 'the database can not be reached'
          : runtime.commitFailure !== null
            ? 'events wait until the database can be written'
            : `rehydrated: ${runtime.live} live, ${runtime.toUpgrade} to upgrade on load, ${runtime.quarantined} quarantined`,
      },
      { name: 'hub', ...this.#hubSays },
    ];
    // A remote that is away holds up its own initiatives only: it is said, and the service is ready for everything else.
    const remotes = { name: 'remotes', ...(await this.#remotes()) };
    // The same goes for a landing that git does not let end, and for those behind it.
    const landings = { name: 'landings', ...(await this.#landings()) };
    return {
      ready: checks.every(({ ready }) => ready),
      checks: [...checks, remotes, landings],
      live: runtime.live,
      toUpgrade: runtime.toUpgrade,
      quarantined: runtime.quarantined,
    };
  }

  /**
   * A write, because a server that is read-only still reads. Nothing is left of it. It fits its page even when the disk is full:
   * the commits of events are who knows.
   */
  async #database(commitFailure: CommitFailure | null): Promise<Check> {
    const answer = this.#sql.transaction(async (sql) => {
      await sql.query(`SET LOCAL statement_timeout = ${DATABASE_ANSWER_MS}`);
      await sql.query('UPDATE actor_heartbeat SET beat_at = beat_at');
    });
    const late = new Promise<never>((_, reject) => {
      setTimeout(
        () => reject(new Error(`no answer in ${DATABASE_ANSWER_MS} ms`)),
        DATABASE_ANSWER_MS,
      ).unref();
    });
    try {
      await Promise.race([answer, late]);
      if (commitFailure === null) return { ready: true, detail: 'answers and writes' };
      const { since, sqlstate, message } = commitFailure;
      return {
        ready: false,
        detail: `answers, but has written no event since ${since.toISOString()}: they wait`,
        cause: `${sqlstate} ${message}`,
      };
    } catch (error) {
      answer.catch(() => undefined);
      const trouble = this.#serverTrouble();
      if (trouble !== null)
        return { ready: false, detail: 'the embedded PostgreSQL is down and does not start', cause: trouble };
      return { ready: false, detail: 'does not answer, or can not write', cause: said(error) };
    }
  }

  /** What effects that wait for a remote last said. */
  async #remotes(): Promise<Check> {
    try {
      const { rows } = await this.#sql.query<{ waiting: number; cause: string | null }>(
        `SELECT count(*)::int AS waiting, min(last_error ->> 'message') AS cause FROM effect
          WHERE last_error ->> 'message' LIKE 'remote_unreachable:%'`,
      );
      const { waiting = 0, cause } = rows[0] ?? {};
      return waiting === 0
        ? { ready: true, detail: 'nothing waits for a remote' }
        : { ready: false, detail: `${waiting} wait for a remote`, cause: cause ?? '' };
    } catch {
      return { ready: false, detail: 'not known while the database does not answer' };
    }
  }

  /** What landings say that wait behind one whose process died, and which git does not let end. */
  async #landings(): Promise<Check> {
    try {
      const { rows } = await this.#sql.query<{ waiting: number; cause: string | null }>(
        `SELECT count(*)::int AS waiting, min(last_error ->> 'message') AS cause FROM effect
          WHERE strpos(last_error ->> 'message', $1) > 0`,
        [unfinishable],
      );
      const { waiting = 0, cause } = rows[0] ?? {};
      return waiting === 0
        ? { ready: true, detail: 'none waits for one that can not be finished' }
        : { ready: false, detail: `${waiting} wait for one that can not be finished`, cause: cause ?? '' };
    } catch {
      return { ready: false, detail: 'not known while the database does not answer' };
    }
  }

  async #look(): Promise<void> {
    try {
      const { ok, reason, cause } = await this.#hub.sweep();
      this.#hubSays = {
        ready: ok,
        detail: reason ?? 'can be written, no locks are left over',
        ...(cause === undefined ? {} : { cause }),
      };
    } catch (error) {
      this.#hubSays = { ready: false, detail: 'could not be looked at', cause: said(error) };
    }
  }
}
