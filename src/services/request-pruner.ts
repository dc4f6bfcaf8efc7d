import type { Sql } from '../actors/sql.ts';

/** How long a key is remembered: longer than anybody goes on repeating a request. */
const REMEMBERED_DAYS = 7;

/** Rows of one statement: its locks are held for a moment only. */
const BATCH = 1_000;

const PRUNE_MS = 600_000;

interface PrunerLog {
  warn(fields: object, message: string): void;
}

/**
 * Forgets answered requests whose lifetime is over, by the database's clock. Every replica does it; rows that another one has locked
 * are skipped. A key whose lease is still held is kept: a claim that is repeated with it has to be the same claim.
 */
export class RequestPruner {
  readonly #sql: Sql;
  readonly #log: PrunerLog;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #pruning: Promise<void> | undefined;

  constructor(deps: { sql: Sql; log: PrunerLog }) {
    this.#sql = deps.sql;
    this.#log = deps.log;
  }

  start(): void {
    this.#run();
    this.#timer = setInterval(() => this.#run(), PRUNE_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#pruning;
  }

  /** One batch; gives how many were forgotten. */
  async prune(batch: number = BATCH): Promise<number> {
    const { rowCount } = await this.#sql.query(
      `DELETE FROM answered_request a USING (
         SELECT token_id, key FROM answered_request r
          WHERE r.created_at < db_now() - $1 * interval '1 day'
            AND NOT EXISTS (SELECT FROM lease l WHERE l.lease_id::text = r.answer ->> 'lease')
          ORDER BY r.created_at LIMIT $2 FOR UPDATE SKIP LOCKED) old
        WHERE a.token_id = old.token_id AND a.key = old.key`,
      [REMEMBERED_DAYS, batch],
    );
    return rowCount;
  }

  #run(): void {
    this.#pruning ??= this.#pruneAll()
      .catch((err: unknown) => this.#log.warn({ err }, 'answered requests could not be pruned'))
      .finally(() => {
        this.#pruning = undefined;
      });
  }

  async #pruneAll(): Promise<void> {
    while (!this.#isStopped && (await this.prune()) === BATCH);
  }
}
