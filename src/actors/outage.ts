import type { RuntimeClock } from './runtime.ts';
import type { Sql, SqlPool } from './sql.ts';

interface OutageParts {
  readonly sql: SqlPool;
  readonly clock: RuntimeClock;
  readonly onOutage: ((sql: Sql) => Promise<void>) | undefined;
}

/**
 * Writes the heartbeat of the whole service. When the row shows that nobody wrote it for too long, the service was away: in the
 * same transaction every effect lease gets one full term, and the callback does the same for other tables. Claims look at
 * the row too (`noOutage`), so there is no moment between the outage and this in which a lease could be taken for expired.
 * Gives the end of an outage that it found, or null.
 */
export function beat({ sql, clock, onOutage }: OutageParts): Promise<Date | null> {
  return sql.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO actor_heartbeat (beat_at) SELECT db_now() WHERE NOT EXISTS (SELECT FROM actor_heartbeat) ON CONFLICT DO NOTHING`,
    );
    const { rows } = await tx.query<{ is_over: boolean; now: Date }>(
      `SELECT beat_at <= db_now() - $1 * interval '1 millisecond' AS is_over, db_now() AS now FROM actor_heartbeat FOR UPDATE`,
      [clock.outageMs],
    );
    const isOver = rows[0]?.is_over === true;
    if (isOver) {
      await tx.query(
        `UPDATE effect SET lease_until = db_now() + $1 * interval '1 millisecond' WHERE state = 'running'`,
        [clock.leaseMs],
      );
      await onOutage?.(tx);
    } else {
      // Lost heartbeats of a crash are a gap like any other: they need not wait for the disk.
      await tx.query(`SET LOCAL synchronous_commit = off`);
    }
    await tx.query(
      `UPDATE actor_heartbeat SET beat_at = greatest(beat_at, db_now()), outage_ended_at = CASE WHEN $1 THEN db_now() ELSE outage_ended_at END`,
      [isOver],
    );
    return isOver ? (rows[0]?.now ?? null) : null;
  });
}
