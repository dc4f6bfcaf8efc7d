import type { Sql } from '../actors/sql.ts';
import type { DeliveryRecord } from '../git/delivery-types.ts';

/** Longest message that is shown; the remote's words in it are bounded already. */
const MAX_MESSAGE = 1_000;

/** What became of one project's delivery, as it is shown. */
export interface DeliveryView {
  readonly state: string;
  readonly branch: string | null;
  readonly sha: string | null;
  /** Why it was refused, stable and in words; null while it was not. */
  readonly code: string | null;
  readonly message: string | null;
}

/** The newest delivery record of each project of an initiative, by project id. */
export async function deliveriesOf(
  sql: Sql,
  initiativeId: string,
): Promise<ReadonlyMap<string, DeliveryView>> {
  const { rows } = await sql.query<{ project_id: string; record: DeliveryRecord }>(
    `SELECT DISTINCT ON (d.project_id) d.project_id, d.record
       FROM delivery_record d
       JOIN (SELECT effect_id, seq FROM journal WHERE actor_id = $1 AND effect_id IS NOT NULL
             UNION ALL
             SELECT id, 9223372036854775807 FROM effect WHERE actor_id = $1) e ON e.effect_id = d.effect_id
      ORDER BY d.project_id, e.seq DESC`,
    [initiativeId],
  );
  return new Map(
    rows.map(({ project_id, record }) => [
      project_id,
      {
        state: record.state,
        branch: record.remoteRef.replace(/^refs\/heads\//, ''),
        sha: record.after,
        code: record.code,
        message: record.message?.slice(0, MAX_MESSAGE).toWellFormed() ?? null,
      },
    ]),
  );
}
