import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { type OwnServer, type OwnServerOptions, startPrivateServer } from './own-server.ts';

export interface TestDatabase extends Omit<Database, 'migrate'> {
  /** Closes the pool and drops the database; throws when somebody else still has a session on it, because that is a leaked pool. */
  close(): Promise<void>;
}

export interface OwnTestServer extends OwnServer {
  /** A migrated database on this server. */
  createDatabase(): Promise<TestDatabase>;
}

/** A session that was told to end may take a moment to be gone from the server's list. */
const sessionEndMs = 3_000;

/** A database of its own for one test file (or one test), cloned from the run's migrated template. */
export async function createTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const { adminUrl, template, run } = inject('testServer');
  const name = `${run}_${randomBytes(5).toString('hex')}`;
  // Half the price of the usual strategy, where nothing has to survive a crash.
  await adminOf(adminUrl).query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  return openTestDatabase(adminUrl, name, options.poolSize);
}

/** A server of its own, for tests that stop, fill or kill PostgreSQL, and for those that read positions which other databases hold back. */
export async function startOwnServer(
  options: Omit<OwnServerOptions, 'binariesRoot'> = {},
): Promise<OwnTestServer> {
  const server = await startPrivateServer({ ...options, binariesRoot: inject('testServer').binariesRoot });
  return {
    ...server,
    async createDatabase() {
      const name = `test_${randomBytes(5).toString('hex')}`;
      const adminUrl = server.urlOf('postgres');
      await adminOf(adminUrl).query(`CREATE DATABASE ${name}`);
      const database = await openTestDatabase(adminUrl, name);
      await database.orm.migrator.up();
      return database;
    },
  };
}

async function openTestDatabase(adminUrl: string, name: string, poolSize?: number): Promise<TestDatabase> {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const database = await openDatabase({
    url: url.href,
    poolSize: poolSize ?? 5,
    applicationName: 'signalbox test',
  });
  return {
    url: database.url,
    orm: database.orm,
    sql: database.sql,
    async close() {
      await database.close();
      const admin = adminOf(adminUrl);
      const leaked = await remainingSessions(admin, name);
      await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      if (leaked.length > 0)
        throw new Error(`a pool on ${name} was not closed before the database: ${leaked.join('; ')}`);
    },
  };
}

async function remainingSessions(admin: pg.Pool, name: string): Promise<string[]> {
  const deadline = Date.now() + sessionEndMs;
  for (;;) {
    const { rows } = await admin.query<{ session: string }>(
      `SELECT application_name || ' (' || coalesce(state, '?') || '): ' || left(query, 100) AS session
         FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() > deadline) return rows.map((row) => row.session);
    await admin.query('SELECT pg_sleep(0.02)');
  }
}

/** One session for all databases that this process makes and drops, by the address of the server. */
const admins = new Map<string, pg.Pool>();

function adminOf(adminUrl: string): pg.Pool {
  const known = admins.get(adminUrl);
  if (known !== undefined) return known;
  const admin = new pg.Pool({
    connectionString: adminUrl,
    max: 1,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: true,
  });
  // The server of a test may have been stopped or killed meanwhile; the next one to ask connects again.
  admin.on('error', () => undefined);
  admins.set(adminUrl, admin);
  return admin;
}
