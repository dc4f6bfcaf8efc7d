import { v5 } from 'uuid';
import { noOutage } from '../actors/effect.sql.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { Sql, SqlPool } from '../actors/sql.ts';

const SWEEP_MS = 500;
const EXPIRED = '7c5d3c1e-6f0a-4c57-9a39-0d1b2f7f6a11';

export interface SweeperLog {
  warn(fields: object, message: string): void;
}

/** Gives every lease one full term again: an outage of ours is not the agents' fault. */
export async function extendLeases(sql: Sql): Promise<void> {
  await sql.query(
    `UPDATE lease SET expires_at = greatest(expires_at, db_now() + seconds * interval '1 second')`,
  );
}

/** Tells tasks that their lease is over. The id of the event is made from the lease, so that every replica may sweep. */
export class LeaseSweeper {
  readonly #sql: SqlPool;
  readonly #runtime: Pick<Runtime, 'post' | 'readiness'>;
  readonly #log: SweeperLog;
  readonly #outageMs: number;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(deps: {
    sql: SqlPool;
    runtime: Pick<Runtime, 'post' | 'readiness'>;
    log: SweeperLog;
    outageMs: number;
  }) {
    this.#sql = deps.sql;
    this.#runtime = deps.runtime;
    this.#log = deps.log;
    this.#outageMs = deps.outageMs;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#sweeping ??= this.sweep()
        .catch((error: unknown) => this.#log.warn({ err: error }, 'leases could not be swept'))
        .finally(() => {
          this.#sweeping = undefined;
        });
    }, SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** One round. Until the runtime has ended an outage, with a full term for everybody, no lease is taken from anybody. */
  async sweep(): Promise<void> {
    if (!this.#runtime.readiness().ready) return;
    // The mark comes first: a heartbeat or a push in between finds the lease either alive or over, and never both.
    await this.#sql.query(
      `UPDATE lease SET expired = true WHERE NOT expired AND expires_at < db_now() AND ${noOutage('$1::float8')}`,
      [this.#outageMs],
    );
    const { rows } = await this.#sql.query<{ task_id: string; lease_id: string; regains: number }>(
      `SELECT l.task_id, l.lease_id, a.regains FROM lease l JOIN attempt a USING (lease_id)
        WHERE l.expired ORDER BY l.expires_at LIMIT 200`,
    );
    for (const { task_id, lease_id, regains } of rows) {
      await this.#runtime.post(task_id, {
        // A lease that was given back ends more than once.
        id: v5(regains === 0 ? lease_id : `${lease_id}/${regains}`, EXPIRED),
        type: 'lease.expired',
        payload: { lease: lease_id },
        sender: 'service',
        principal: 'system',
      });
    }
  }
}
