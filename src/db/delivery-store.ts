import type { SqlPool } from '../actors/sql.ts';
import type { DeliveryRecord, DeliveryStore } from '../git/delivery-types.ts';
import { superseded } from './landing-lanes.ts';

/** Deliveries in PostgreSQL: one row per effect and project, which an older attempt can not overwrite. */
export class PgDeliveryStore implements DeliveryStore {
  readonly #sql: SqlPool;

  constructor(sql: SqlPool) {
    this.#sql = sql;
  }

  async load(effectId: string): Promise<DeliveryRecord[]> {
    const { rows } = await this.#sql.query<{ record: DeliveryRecord }>(
      'SELECT record FROM delivery_record WHERE effect_id = $1 ORDER BY position, project_id',
      [effectId],
    );
    return rows.map((row) => row.record);
  }

  async save(effectId: string, attempt: number, records: readonly DeliveryRecord[]): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      for (const [position, record] of records.entries()) {
        const { rowCount } = await sql.query(
          `INSERT INTO delivery_record (effect_id, project_id, attempt, position, record) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (effect_id, project_id) DO UPDATE SET attempt = excluded.attempt, record = excluded.record
            WHERE delivery_record.attempt <= excluded.attempt`,
          [effectId, record.projectId, attempt, position, JSON.stringify(record)],
        );
        if (rowCount !== 1) throw superseded();
      }
    });
  }
}
