import { MikroORM } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';
import type pg from 'pg';
import { migrations } from '../../migrations/index.ts';
import type { SqlPool } from '../actors/sql.ts';
import { entities } from './entities/index.ts';
import { type DatabaseLog, silentLog } from './log.ts';
import { NotificationListener } from './notification-listener.ts';
import { PgSqlPool } from './sql-pool.ts';

export interface DatabaseOptions {
  url: string;
  /** Connections of the pool; the listener has one more. */
  poolSize?: number;
  log?: DatabaseLog;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
}

export interface Database {
  readonly url: string;
  readonly orm: MikroORM;
  /** Runs on MikroORM's own pool, so that one number bounds the connections of the process. */
  readonly sql: SqlPool;
  /** Brings the schema up to date. Processes that start together wait for each other. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

/** Held while migrating, in every process of this service: two that start together must not both create a table. */
const migrationLock = 0x5167_0001;

/** Connects MikroORM to a database and gives the SQL port on the same pool. Nothing is migrated yet. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const log = options.log ?? silentLog;
  const connection = {
    connectionString: options.url,
    application_name: options.applicationName ?? 'signalbox',
    // A server that is down must not hold a caller for ever: the caller's retry decides, not the socket.
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  };
  const orm = new MikroORM({
    entities: [...entities],
    discovery: { warnWhenNoEntities: false },
    dbName: decodeURIComponent(new URL(options.url).pathname.slice(1)),
    clientUrl: options.url,
    driverOptions: connection,
    pool: { min: 0, max: options.poolSize ?? 10 },
    extensions: [Migrator],
    migrations: { migrationsList: [...migrations], snapshot: false, disableForeignKeys: false, silent: true },
    logger: (message) => log.info({}, message),
    debug: false,
    colors: false,
  });
  await orm.connect();
  const pool: pg.Pool = await orm.em.getConnection().getNativeClient();
  const listener = new NotificationListener(
    { ...connection, application_name: `${connection.application_name} listener` },
    log,
  );
  const sql = new PgSqlPool(pool, listener);
  return {
    url: options.url,
    orm,
    sql,
    migrate: () => migrate(orm, pool),
    async close() {
      await listener.close();
      await orm.close(true);
    },
  };
}

async function migrate(orm: MikroORM, pool: pg.Pool): Promise<void> {
  const guard = await pool.connect();
  try {
    await guard.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    await orm.migrator.up();
    await guard.query('SELECT pg_advisory_unlock($1)', [migrationLock]);
    guard.release();
  } catch (error) {
    // Closing the connection is what frees the lock when the unlock itself may not be reached.
    guard.release(true);
    throw error;
  }
}
