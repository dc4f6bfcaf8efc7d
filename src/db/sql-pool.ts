import pg from 'pg';
import type { Sql, SqlPool, SqlResult } from '../actors/sql.ts';
import type { NotificationListener } from './notification-listener.ts';

/** One statement on a pool or on one of its connections. */
async function run<R>(
  target: Pick<pg.ClientBase, 'query'>,
  text: string,
  params: readonly unknown[],
  name: string | undefined,
): Promise<SqlResult<R>> {
  // MikroORM changes how its pool reads dates; with `types` stated, plain statements read as pg does everywhere else:
  // timestamptz -> Date, bigint and numeric -> string, jsonb -> value.
  const config: pg.QueryConfig = { text, values: [...params], types: pg.types };
  if (name !== undefined) config.name = name;
  const result = await target.query<pg.QueryResultRow>(config);
  // The caller names the row's shape; no driver can check it.
  return { rows: result.rows as R[], rowCount: result.rowCount ?? 0 };
}

/** One connection: a transaction's, or a session that holds something. */
export class ConnectionSql implements Sql {
  readonly #client: pg.ClientBase;

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  query<R = Record<string, unknown>>(
    text: string,
    params: readonly unknown[] = [],
    name?: string,
  ): Promise<SqlResult<R>> {
    return run<R>(this.#client, text, params, name);
  }
}

/** The actors' port to PostgreSQL, over a pool that somebody else opened and closes. */
export class PgSqlPool implements SqlPool {
  readonly #pool: pg.Pool;
  readonly #listener: NotificationListener;

  constructor(pool: pg.Pool, listener: NotificationListener) {
    this.#pool = pool;
    this.#listener = listener;
  }

  query<R = Record<string, unknown>>(
    text: string,
    params: readonly unknown[] = [],
    name?: string,
  ): Promise<SqlResult<R>> {
    return run<R>(this.#pool, text, params, name);
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await work(new ConnectionSql(client));
      // In an aborted transaction PostgreSQL answers COMMIT with ROLLBACK and no error: work that swallowed its own error must not look kept.
      const committed = await client.query('COMMIT');
      if (committed.command !== 'COMMIT')
        throw new Error('the transaction was rolled back: a statement in it had failed');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((rollbackError: unknown) => {
        broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
      });
      throw error;
    } finally {
      // A connection that could not roll back may still hold locks: it is thrown away, not reused.
      client.release(broken);
    }
  }

  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>> {
    return this.#listener.listen(channel, onNotify);
  }
}
