import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/db/database.ts';
import { type OwnServer, startPrivateServer } from './own-server.ts';

export interface TestServer {
  /** The database `postgres` of the shared server, as superuser. */
  adminUrl: string;
  /** Migrated; cloned for each test database. */
  template: string;
  /** Begins the name of every database of this run. */
  run: string;
  binariesRoot: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    testServer: TestServer;
  }
}

/** One server and one migrated template for the whole run: an embedded one, or the one that SIGNALBOX_TEST_DATABASE_URL names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binariesRoot = await mkdtemp(path.join(tmpdir(), 'signalbox-test-'));
  await chmod(binariesRoot, 0o755);
  const named = process.env['SIGNALBOX_TEST_DATABASE_URL'];
  let server: OwnServer | null = null;
  if (named === undefined || named === '') {
    // These databases live as long as the run: nothing is worth a wait for the disk. Durability tests start servers of their own.
    server = await startPrivateServer({
      binariesRoot,
      settings: {
        fsync: 'off',
        full_page_writes: 'off',
        wal_level: 'minimal',
        max_wal_senders: '0',
        max_connections: '300',
        // Nothing here lives long enough for either.
        autovacuum: 'off',
        jit: 'off',
      },
    });
  }
  const adminUrl = server?.urlOf('postgres') ?? named ?? '';
  const run = `signalbox_test_${randomBytes(4).toString('hex')}`;
  const template = `${run}_template`;
  await asAdmin(adminUrl, (client) => client.query(`CREATE DATABASE ${template}`));
  const url = new URL(adminUrl);
  url.pathname = `/${template}`;
  const database = await openDatabase({ url: url.href, applicationName: 'signalbox test template' });
  try {
    await database.migrate();
  } finally {
    await database.close();
  }
  project.provide('testServer', { adminUrl, template, run, binariesRoot });

  return async () => {
    const left = await asAdmin(adminUrl, (client) => dropAll(client, run));
    await server?.close();
    await rm(binariesRoot, { recursive: true, force: true });
    const forgotten = left.filter((name) => name !== template);
    if (forgotten.length > 0)
      throw new Error(`${forgotten.length} test databases were never closed: ${forgotten.join(', ')}`);
  };
}

async function dropAll(client: pg.Client, run: string): Promise<string[]> {
  const { rows } = await client.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`,
    [run],
  );
  for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  return rows.map((row) => row.datname);
}

async function asAdmin<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
