import { git } from './git.ts';
import type { TestService } from './service.ts';
import { until } from './until.ts';
import type { TestProject } from './work.ts';

/** What moves by itself: heartbeats, when a token or an agent was seen last, which keys have been used. */
const MOVING = ['actor_heartbeat', 'access_token', 'agent', 'answered_request'];

/** All that the service has on record, by table, and every ref of its clones: the same before and after what changes nothing. */
export async function stateOf(
  { database: { sql } }: TestService,
  projects: readonly TestProject[],
): Promise<Record<string, string>> {
  await until('nothing is under way', async () => {
    const { rowCount } = await sql.query('SELECT id FROM effect UNION ALL SELECT id FROM message');
    return rowCount === 0;
  });
  const { rows: tables } = await sql.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> ALL($1) ORDER BY 1`,
    [MOVING],
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await sql.query<{ digest: string }>(
      `SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') AS digest FROM "${name}" t`,
    );
    found[name] = rows[0]?.digest ?? '';
  }
  for (const { key, hub } of projects) found[`refs of ${key}`] = await git(hub, ['for-each-ref']);
  return found;
}
