import type { SqlPool } from './sql.ts';

/**
 * Throws what the server says when it has no room for a megabyte of new pages. An update can fit a page that is there; the
 * pages of a new table can not. It is temporary and dropped at once, so nothing is left of it.
 */
export async function askForRoom(sql: SqlPool): Promise<void> {
  await sql.transaction((tx) =>
    tx.query(
      `CREATE TEMPORARY TABLE actor_room ON COMMIT DROP AS SELECT repeat('x', 1000) AS filling FROM generate_series(1, 1000)`,
    ),
  );
}
