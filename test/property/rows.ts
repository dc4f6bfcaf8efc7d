import type { Sql } from '../../src/actors/sql.ts';
import { BrokenInvariant } from './history.ts';

/** What the database must never show, at any moment: each gives the rows that are wrong. */
const NEVER = {
  'a journal has a gap': `
    SELECT actor_id, max(seq) AS last, count(*) AS entries FROM journal GROUP BY actor_id HAVING max(seq) <> count(*) OR min(seq) <> 1`,
  'a journal and its snapshot differ in number': `
    SELECT a.id, a.version, max(j.seq) AS last FROM actor a LEFT JOIN journal j ON j.actor_id = a.id
     GROUP BY a.id, a.version HAVING coalesce(max(j.seq), 0) <> a.version`,
  'an event was applied twice': `
    SELECT actor_id, event_id, count(*) FROM journal GROUP BY actor_id, event_id HAVING count(*) > 1`,
  'a machine failed on an event': `SELECT actor_id, seq, type, answer FROM journal WHERE outcome = 'rejected'`,
  'an actor is set aside': `SELECT actor_id, reason FROM actor_quarantine`,
  'a message reached nobody': `SELECT * FROM dead_letter`,
  'an agent has two leases': `
    SELECT agent_id, count(*) FROM lease WHERE NOT expired GROUP BY agent_id HAVING count(*) > 1`,
  'a task has two leases': `SELECT task_id, count(*) FROM lease GROUP BY task_id HAVING count(*) > 1`,
  'a lease is held of a task that is not under way': `
    SELECT l.task_id, a.snapshot -> 'value' AS state FROM lease l JOIN actor a ON a.id = l.task_id
     WHERE NOT (a.snapshot -> 'value' ? 'in_progress')`,
  'a task under way has no lease': `
    SELECT a.id, a.snapshot -> 'value' AS state FROM actor a
     WHERE a.machine = 'task' AND a.snapshot -> 'value' ? 'in_progress'
       AND NOT EXISTS (SELECT FROM lease l WHERE l.task_id = a.id)`,
  'a ready row and the state of its task differ': `
    SELECT a.id, a.snapshot -> 'value' AS state FROM actor a LEFT JOIN ready_task r ON r.task_id = a.id
     WHERE a.machine = 'task' AND (r.task_id IS NOT NULL) <> (a.snapshot -> 'value' = '"queued"')`,
  'a settled unit waits for something': `
    SELECT a.id, a.snapshot -> 'value' AS state FROM actor a
     WHERE a.snapshot -> 'value' IN ('"completed"', '"canceled"')
       AND (EXISTS (SELECT FROM effect e WHERE e.actor_id = a.id) OR EXISTS (SELECT FROM timer t WHERE t.actor_id = a.id))`,
  'a settled phase has a task that is not': `
    SELECT c.id, c.snapshot -> 'value' AS state FROM actor c JOIN actor p ON p.id = c.parent_id
     WHERE p.snapshot -> 'value' IN ('"completed"', '"canceled"')
       AND c.snapshot -> 'value' NOT IN ('"completed"', '"canceled"')`,
} as const;

/** What is left when nothing runs any more. */
const NOT_AT_REST = {
  'an intent is open though nothing runs': `SELECT * FROM landing_intent WHERE state = 'open'`,
  'a lane is taken though nothing runs': `SELECT * FROM landing_lane`,
  'an actor is busy with an effect that is not there': `
    SELECT a.id, a.machine, a.snapshot -> 'value' AS state FROM actor a, jsonb_each(a.snapshot -> 'children') AS child
     WHERE NOT EXISTS (SELECT FROM effect e WHERE e.actor_id = a.id)`,
} as const;

export async function checkRows(sql: Sql): Promise<void> {
  await check(sql, NEVER);
}

export async function checkRowsAtRest(sql: Sql): Promise<void> {
  await check(sql, NEVER);
  await check(sql, NOT_AT_REST);
}

/** How much is still under way: effects, messages, and timers that are due. */
export async function countUnderWay(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ n: number }>(
    `SELECT ((SELECT count(*) FROM effect) + (SELECT count(*) FROM message)
           + (SELECT count(*) FROM timer WHERE due_at < db_now()) + (SELECT count(*) FROM lease WHERE expired))::int AS n`,
  );
  return rows[0]?.n ?? 0;
}

async function check(sql: Sql, queries: Readonly<Record<string, string>>): Promise<void> {
  for (const [what, query] of Object.entries(queries)) {
    const { rows } = await sql.query(query);
    if (rows.length > 0) throw new BrokenInvariant(`${what}: ${JSON.stringify(rows.slice(0, 5))}`);
  }
}
