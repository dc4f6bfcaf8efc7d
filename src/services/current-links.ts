import type { Sql } from '../actors/sql.ts';

interface RelinkRow {
  readonly actor_id: string;
  readonly links: readonly number[];
}

/**
 * What phases and tasks that were linked anew depend on since, by id and in ordinals. Rows have the links that the plan began with;
 * the journal knows the last ones that were accepted.
 */
export async function currentLinks(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const { rows } = await sql.query<RelinkRow>(
    `SELECT DISTINCT ON (actor_id) actor_id, event -> 'dependsOn' AS links FROM journal
      WHERE actor_id = ANY($1::uuid[]) AND type IN ('task.relink', 'phase.relink') AND outcome = 'accepted'
      ORDER BY actor_id, seq DESC`,
    [ids],
  );
  return new Map(rows.map(({ actor_id, links }) => [actor_id, links]));
}
