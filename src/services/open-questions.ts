import type { Sql } from '../actors/sql.ts';

/** What the agents of these tasks, which are all in `asking`, have asked last, by task. */
export async function openQuestions(
  sql: Sql,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (taskIds.length === 0) return new Map();
  const { rows } = await sql.query<{ actor_id: string; question: string }>(
    `SELECT DISTINCT ON (actor_id) actor_id, event ->> 'question' AS question FROM journal
      WHERE actor_id = ANY($1::uuid[]) AND type = 'task.ask' AND outcome = 'accepted'
      ORDER BY actor_id, seq DESC`,
    [taskIds],
  );
  return new Map(rows.map(({ actor_id, question }) => [actor_id, question]));
}
