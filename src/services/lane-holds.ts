import type { Sql } from '../actors/sql.ts';
import type { Project } from '../db/entities/project.ts';

/** How often the attempts of a task may be outrun by the branch before other landings wait for it. */
const OUTRUNS_BEFORE_HOLD = 3;
/** How long they wait for one task at most: an agent that merges and never hands in holds nobody up for ever. */
const HOLD_MINUTES = 15;

/** An attempt whose merge may have come too late before, and the branch that moves on. */
export interface Outrun {
  readonly taskId: string;
  readonly leaseId: string;
  readonly ref: string;
  readonly projects: readonly Project[];
}

/**
 * Counts that the branch has moved on before the attempt's merge could be handed in, or before it could be landed. A landing that is
 * run again after a crash may count twice, which only holds the branch sooner.
 */
export async function countOutrun(sql: Sql, leaseId: string): Promise<void> {
  await sql.query('UPDATE attempt SET outruns = outruns + 1 WHERE lease_id = $1', [leaseId]);
}

/**
 * From the third time on that attempts of this task are outrun, the branch waits for the attempt that is under way: others are landed
 * on it again when this one has landed, has lost its lease, or has taken too long. True when it waits.
 */
export async function holdIfOutrun(sql: Sql, { taskId, leaseId, ref, projects }: Outrun): Promise<boolean> {
  const { rows } = await sql.query<{ outruns: number }>(
    'SELECT coalesce(sum(outruns), 0)::int AS outruns FROM attempt WHERE task_id = $1',
    [taskId],
  );
  if ((rows[0]?.outruns ?? 0) < OUTRUNS_BEFORE_HOLD) return false;
  // The hold of an attempt ends once and is not renewed; another attempt has its own.
  await sql.query(
    `INSERT INTO lane_hold (task_id, lease_id, ref, project_ids, until)
     VALUES ($1, $2, $3, $4, db_now() + $5 * interval '1 minute')
     ON CONFLICT (task_id) DO UPDATE SET lease_id = excluded.lease_id, ref = excluded.ref, project_ids = excluded.project_ids,
       since = db_now(), until = excluded.until
      WHERE lane_hold.lease_id <> excluded.lease_id`,
    [taskId, leaseId, ref, projects.map(({ id }) => id), HOLD_MINUTES],
  );
  return true;
}
