import { createHash } from 'node:crypto';

import type { Sql } from './sql.ts';

/** Proof that this process is the only one of its instance id. */
export interface InstanceClaim {
  readonly instanceId: string;
  /** Asks the server over any connection whether the session that claimed still holds the lock. */
  isHeld(sql: Sql): Promise<boolean>;
}

/**
 * Claims an instance id with a session lock; null when a living process has it. `session` must be one connection that
 * stays open as long as the process works: its end is the end of the claim.
 */
export async function claimInstance(session: Sql, instanceId: string): Promise<InstanceClaim | null> {
  const [high, low] = keyOf(instanceId);
  const { rows } = await session.query<{ is_mine: boolean; pid: number }>(
    `SELECT pg_try_advisory_lock($1::int, $2::int) AS is_mine, pg_backend_pid() AS pid`,
    [high, low],
  );
  const [row] = rows;
  if (row?.is_mine !== true) return null;
  return {
    instanceId,
    async isHeld(sql) {
      const held = await sql.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND pid = $1
           AND classid = ($2::bigint & 4294967295)::oid AND objid = ($3::bigint & 4294967295)::oid
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [row.pid, high, low],
      );
      return held.rowCount > 0;
    },
  };
}

function keyOf(instanceId: string): [number, number] {
  const digest = createHash('sha256').update(`actors/instance/${instanceId}`).digest();
  return [digest.readInt32BE(0), digest.readInt32BE(4)];
}
