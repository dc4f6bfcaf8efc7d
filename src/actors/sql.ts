/** What one statement gave back. */
export interface SqlResult<R> {
  readonly rows: R[];
  readonly rowCount: number;
}

/** Runs one statement; a `name` makes it a prepared statement of the connection. */
export interface Sql {
  query<R = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
    name?: string,
  ): Promise<SqlResult<R>>;
}

/** The runtime's only way to PostgreSQL: a pool, transactions (READ COMMITTED) and notifications. */
export interface SqlPool extends Sql {
  /** Commits when `work` returns, rolls back when it throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Calls back for each NOTIFY on `channel`, over reconnects; gives the way to stop. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
}
