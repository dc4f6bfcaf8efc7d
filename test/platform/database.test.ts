import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import {
  createTestDatabase,
  type OwnTestServer,
  startOwnServer,
  type TestDatabase,
} from '../support/database.ts';

describe('the SQL port', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql.query(
      'CREATE TABLE note (id int PRIMARY KEY, at timestamptz DEFAULT now(), body jsonb)',
    );
  });
  afterAll(() => database.close());

  it('runs on the pool of the ORM', async () => {
    const pool = await database.orm.em.getConnection().getNativeClient();
    const before = pool.totalCount;
    await database.sql.query('SELECT 1');
    expect(pool.totalCount).toBe(Math.max(before, 1));
  });

  it('gives dates, bigints and json as pg does', async () => {
    const { rows, rowCount } = await database.sql.query<{ at: Date; n: string; body: { a: number } }>(
      `SELECT now() AS at, 9007199254740993::bigint AS n, '{"a":1}'::jsonb AS body`,
    );
    expect(rowCount).toBe(1);
    expect(rows[0]?.at).toBeInstanceOf(Date);
    expect(rows[0]).toMatchObject({ n: '9007199254740993', body: { a: 1 } });
  });

  it('prepares a named statement once on a connection', async () => {
    await database.sql.transaction(async (sql) => {
      await sql.query('SELECT $1::int AS n', [1], 'test.named');
      await sql.query('SELECT $1::int AS n', [2], 'test.named');
      const { rows } = await sql.query(`SELECT name FROM pg_prepared_statements WHERE name = 'test.named'`);
      expect(rows).toHaveLength(1);
    });
  });

  it('rolls a transaction back when its work throws', async () => {
    await expect(
      database.sql.transaction(async (sql) => {
        await sql.query('INSERT INTO note (id) VALUES (1)');
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect((await database.sql.query('SELECT 1 FROM note WHERE id = 1')).rowCount).toBe(0);
  });

  it('refuses to call a transaction committed in which a statement had failed', async () => {
    await expect(
      database.sql.transaction(async (sql) => {
        await sql.query('INSERT INTO note (id) VALUES (2)');
        await sql.query('SELECT 1/0').catch(() => undefined);
      }),
    ).rejects.toThrow('rolled back');
    expect((await database.sql.query('SELECT 1 FROM note WHERE id = 2')).rowCount).toBe(0);
  });

  it('hears notifications, and again after its connection was cut', async () => {
    const heard: string[] = [];
    const stop = await database.sql.listen('test_channel', (payload) => heard.push(payload));
    await database.sql.query(`SELECT pg_notify('test_channel', 'one')`);
    await vi.waitFor(() => expect(heard).toEqual(['one']));
    await database.sql.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '% listener'`,
    );
    await vi.waitFor(() => expect(heard).toEqual(['one', '']), { timeout: 5_000 });
    await database.sql.query(`SELECT pg_notify('test_channel', 'two')`);
    await vi.waitFor(() => expect(heard).toEqual(['one', '', 'two']));
    await stop();
  });
});

describe('test databases', () => {
  it('fail when a pool on them was left open', async () => {
    const database = await createTestDatabase();
    const leaked = await openDatabase({ url: database.url, applicationName: 'leaked pool' });
    await leaked.sql.query('SELECT 1');
    await expect(database.close()).rejects.toThrow('leaked pool');
    await leaked.close();
  });
});

describe('a server of one test', () => {
  let server: OwnTestServer;
  beforeAll(async () => {
    server = await startOwnServer();
  });
  afterAll(() => server.close());

  it('keeps what was committed when it is killed, and the pool goes on after the restart', async () => {
    const database = await server.createDatabase();
    await database.sql.query('CREATE TABLE kept (id int)');
    await server.kill();
    await expect(database.sql.query('SELECT 1')).rejects.toThrow();
    await server.start();
    expect((await database.sql.query('SELECT * FROM kept')).rowCount).toBe(0);
    await database.close();
  });
});

describe('migrating', () => {
  it('is done once by processes that start together', async () => {
    const database = await createTestDatabase();
    const others = await Promise.all([
      openDatabase({ url: database.url }),
      openDatabase({ url: database.url }),
    ]);
    await Promise.all(others.map((other) => other.migrate()));
    await Promise.all(others.map((other) => other.close()));
    await database.close();
  });
});
