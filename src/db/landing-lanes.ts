import type { Sql } from '../actors/sql.ts';
import { GitError } from '../git/git-error.ts';
import type { Entered, LandingEntry, Lane } from '../git/intent-store.ts';

/**
 * One landing's entry into its lanes, in one transaction:
 * 1 lock the lanes, in id order, so that tickets are given in the order in which they become visible;
 * 2 take or renew the landing's claim: a higher fence makes every earlier holder of this landing powerless;
 * 3 throw out landings whose lease is over, fence included: they come back with a new ticket;
 * 4 keep the ticket, or draw one for all lanes;
 * 5 look who is before us. A landing with open intents is before everybody, because it owns its refs; then a task that was outrun
 *   too often, for which the lane is held.
 */
export async function enterLanes(sql: Sql, entry: LandingEntry, leaseMs: number): Promise<Entered> {
  const lanes = entry.lanes.toSorted(
    (left, right) => compare(left.projectId, right.projectId) || compare(left.ref, right.ref),
  );
  const projects = lanes.map((lane) => lane.projectId);
  const refs = lanes.map((lane) => lane.ref);
  for (const lane of lanes)
    await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [
      `signalbox:lane:${lane.projectId}:${lane.ref}`,
    ]);

  const fence = await claim(sql, entry, leaseMs);
  await throwOut(sql, entry.effectId, projects, refs);
  await takeTickets(sql, entry.effectId, lanes, projects, refs);
  const holds = await liveHolds(sql, projects, refs);
  const isHolder = holds.some(({ behind }) => behind === entry.unit.id);
  const before =
    (await openElsewhere(sql, entry.effectId, projects, refs)) ??
    (isHolder ? null : (holds[0] ?? (await earlier(sql, entry.effectId))));
  return before === null
    ? { held: true, claim: { effectId: entry.effectId, fence } }
    : { held: false, ...before };
}

export function superseded(): GitError {
  return new GitError('landing_superseded', 'a newer attempt or another process has this landing now');
}

async function claim(sql: Sql, entry: LandingEntry, leaseMs: number): Promise<number> {
  const { rows } = await sql.query<{ fence: string }>(
    `INSERT INTO landing (effect_id, attempt, fence, unit, author, lease_until)
     VALUES ($1, $2, 1, $3, $4, db_now() + $5 * interval '1 ms')
     ON CONFLICT (effect_id) DO UPDATE SET attempt = excluded.attempt, fence = landing.fence + 1, lease_until = excluded.lease_until
      WHERE landing.attempt <= excluded.attempt
     RETURNING fence`,
    [entry.effectId, entry.attempt, JSON.stringify(entry.unit), JSON.stringify(entry.author), leaseMs],
  );
  if (rows[0] === undefined) throw superseded();
  return Number(rows[0].fence);
}

async function throwOut(
  sql: Sql,
  effectId: string,
  projects: readonly string[],
  refs: readonly string[],
): Promise<void> {
  await sql.query(
    `WITH over AS (
       SELECT DISTINCT l.effect_id FROM landing_lane l JOIN unnest($2::text[], $3::text[]) AS mine(project_id, ref) USING (project_id, ref)
         JOIN landing x ON x.effect_id = l.effect_id
        WHERE l.effect_id <> $1 AND x.lease_until < db_now()),
     fenced AS (UPDATE landing x SET fence = fence + 1 FROM over WHERE x.effect_id = over.effect_id)
     DELETE FROM landing_lane l USING over WHERE l.effect_id = over.effect_id`,
    [effectId, projects, refs],
  );
}

async function takeTickets(
  sql: Sql,
  effectId: string,
  lanes: readonly Lane[],
  projects: readonly string[],
  refs: readonly string[],
): Promise<void> {
  const { rows } = await sql.query<{ ref: string; project_id: string }>(
    'SELECT project_id, ref FROM landing_lane WHERE effect_id = $1',
    [effectId],
  );
  const held = new Set(rows.map((row) => `${row.project_id} ${row.ref}`));
  if (rows.length === lanes.length && lanes.every((lane) => held.has(`${lane.projectId} ${lane.ref}`)))
    return;
  await sql.query('DELETE FROM landing_lane WHERE effect_id = $1', [effectId]);
  await sql.query(
    `INSERT INTO landing_lane (project_id, ref, effect_id, ticket)
     SELECT lane.project_id, lane.ref, $1, drawn.ticket
       FROM (SELECT nextval('landing_ticket') AS ticket) AS drawn, unnest($2::text[], $3::text[]) AS lane(project_id, ref)`,
    [effectId, projects, refs],
  );
}

type Before = { behind: string; projectId: string; ref: string; holder?: string };

/** A living landing's open intents on our lanes: nobody may move those refs. */
async function openElsewhere(
  sql: Sql,
  effectId: string,
  projects: readonly string[],
  refs: readonly string[],
): Promise<Before | null> {
  const { rows } = await sql.query<Before>(
    `SELECT i.effect_id AS behind, i.project_id AS "projectId", i.ref
       FROM landing_intent i JOIN unnest($2::text[], $3::text[]) AS mine(project_id, ref) USING (project_id, ref)
       JOIN landing x ON x.effect_id = i.effect_id
      WHERE i.state = 'open' AND i.effect_id <> $1 AND x.lease_until >= db_now() LIMIT 1`,
    [effectId, projects, refs],
  );
  return rows[0] ?? null;
}

async function earlier(sql: Sql, effectId: string): Promise<Before | null> {
  const { rows } = await sql.query<Before>(
    `SELECT l.effect_id AS behind, l.project_id AS "projectId", l.ref
       FROM landing_lane l JOIN landing_lane own ON own.effect_id = $1 AND own.project_id = l.project_id AND own.ref = l.ref
      WHERE l.ticket < own.ticket
        AND NOT EXISTS (SELECT 1 FROM landing_intent i WHERE i.effect_id = $1 AND i.state = 'open')
      ORDER BY l.ticket LIMIT 1`,
    [effectId],
  );
  return rows[0] ?? null;
}

/** Tasks for which one of these lanes waits: outrun too often, and still at work or about to land. */
async function liveHolds(
  sql: Sql,
  projects: readonly string[],
  refs: readonly string[],
): Promise<(Before & { holder: string })[]> {
  const { rows } = await sql.query<Before & { holder: string }>(
    `SELECT h.task_id AS behind, mine.project_id AS "projectId", h.ref, 'task ' || t.key AS holder
       FROM lane_hold h
       JOIN unnest($1::text[], $2::text[]) AS mine(project_id, ref) ON mine.ref = h.ref AND mine.project_id = ANY(h.project_ids)
       JOIN task t ON t.id = h.task_id
      WHERE h.until > db_now()
        AND (EXISTS (SELECT FROM lease l WHERE l.lease_id = h.lease_id AND NOT l.expired)
          OR EXISTS (SELECT FROM effect e WHERE e.actor_id = h.task_id AND e.kind = 'task.land'))
      ORDER BY h.since LIMIT 1`,
    [projects, refs],
  );
  return rows;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
