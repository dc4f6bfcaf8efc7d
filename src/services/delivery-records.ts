import type { Sql } from '../actors/sql.ts';
import type { DeliveryRecord } from '../git/delivery-types.ts';
import { branchOf } from '../git/ref-name.ts';

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
  return new Map(
    (await recordsOf(sql, initiativeId)).map((record) => [
      record.projectId,
      {
        state: stateOf(record),
        branch: branchOf(record.remoteRef),
        sha: record.after,
        code: record.code,
        message: record.message?.slice(0, MAX_MESSAGE).toWellFormed() ?? null,
      },
    ]),
  );
}

/** What is taken back has states of its own, so that none is read as one of the delivery. */
function stateOf({ state, result }: DeliveryRecord): string {
  if (result !== 'reverted') return state;
  if (state === 'prepared') return 'reverting';
  return state === 'refused' ? 'revert_refused' : state;
}

/** By project id, what deliveries have brought to its remote, or may have brought, and no revert has taken back since: oldest first. */
export async function broughtTo(
  sql: Sql,
  initiativeId: string,
): Promise<ReadonlyMap<string, readonly DeliveryRecord[]>> {
  const standing = new Map<string, DeliveryRecord[]>();
  for (const record of await recordsOf(sql, initiativeId)) {
    const { projectId, remoteRef, before, after } = record;
    const others = (standing.get(projectId) ?? []).filter(
      (earlier) => !(record.state === 'reverted' && earlier.remoteRef === remoteRef),
    );
    const isBrought =
      (record.result === 'merged' || record.result === 'pushed') && after !== null && after !== before;
    standing.set(projectId, isBrought ? [...others, record] : others);
  }
  return standing;
}

/** Every record of an initiative's deliveries and reverts: oldest first. */
async function recordsOf(sql: Sql, initiativeId: string): Promise<DeliveryRecord[]> {
  const { rows } = await sql.query<{ record: DeliveryRecord }>(
    `SELECT d.record
       FROM delivery_record d
       JOIN (SELECT effect_id, min(seq) AS seq FROM journal WHERE actor_id = $1 AND effect_id IS NOT NULL GROUP BY effect_id
             UNION ALL
             SELECT id, 9223372036854775807 FROM effect WHERE actor_id = $1) e ON e.effect_id = d.effect_id
      ORDER BY e.seq, d.position, d.project_id`,
    [initiativeId],
  );
  return rows.map(({ record }) => record);
}
