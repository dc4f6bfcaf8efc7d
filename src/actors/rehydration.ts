import type { ActorStore } from './actor-store.ts';
import type { ActorDefinition } from './definition.ts';
import type { Sql } from './sql.ts';

/** How many of the most recently active actors are brought into memory after a start. */
const WARM = 1_000;

export interface Counts {
  readonly live: number;
  readonly toUpgrade: number;
  readonly quarantined: number;
}

/** Counts actors without reading one snapshot. */
export async function countActors(sql: Sql, definitions: readonly ActorDefinition[]): Promise<Counts> {
  const { rows } = await sql.query<Counts>(
    `SELECT count(*) FILTER (WHERE a.status = 'active')::int AS live,
       count(*) FILTER (WHERE a.machine_version < d.version)::int AS "toUpgrade",
       (SELECT count(DISTINCT actor_id) FROM actor_quarantine)::int AS quarantined
     FROM actor a LEFT JOIN unnest($1::text[], $2::int[]) AS d(name, version) ON d.name = a.machine`,
    [definitions.map(({ name }) => name), definitions.map(({ version }) => version)],
  );
  return rows[0] ?? { live: 0, toUpgrade: 0, quarantined: 0 };
}

/** Loads the actors that were active last, in small steps so that events go first. */
export async function warm(sql: Sql, store: ActorStore, isStopping: () => boolean): Promise<void> {
  const { rows } = await sql.query<{ actor_id: string }>(
    `SELECT DISTINCT actor_id FROM (SELECT actor_id FROM journal ORDER BY xid DESC LIMIT $1) recent`,
    [WARM],
  );
  for (let start = 0; start < rows.length && !isStopping(); start += 50) {
    await store.load(
      sql,
      rows.slice(start, start + 50).map(({ actor_id }) => actor_id),
    );
  }
}
