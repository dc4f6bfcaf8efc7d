import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDataFolder } from '../../src/db/data-folder.ts';
import { DataFolderLock } from '../../src/db/data-folder-lock.ts';
import { silentLog } from '../../src/db/log.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const instanceId = '6a1b53a3-9f3e-4c0e-8f7e-6a57f3f3b9a1';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-folder-'));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

describe('a data folder', () => {
  it('keeps the instance id of its first start', async () => {
    const folder = path.join(scratch, 'data');
    const [first, again] = [await openDataFolder(folder), await openDataFolder(folder)];
    expect(again.instanceId).toBe(first.instanceId);
  });

  it('is one folder whatever way leads to it', async () => {
    const first = await openDataFolder(path.join(scratch, 'data'));
    await symlink(first.path, path.join(scratch, 'link'));
    expect(await openDataFolder(path.join(scratch, 'link'))).toEqual(first);
  });

  it('has the hub in it unless that is somewhere else', async () => {
    const folder = path.join(scratch, 'data');
    expect((await openDataFolder(folder)).hub).toBe(path.join(folder, 'hub'));
    expect((await openDataFolder(folder, path.join(scratch, 'shared'))).hub).toBe(
      path.join(scratch, 'shared'),
    );
  });

  it('is refused with the fix where there is a file in its place', async () => {
    await writeFile(path.join(scratch, 'file'), '');
    for (const folder of ['file', 'file/data'])
      await expect(openDataFolder(path.join(scratch, folder))).rejects.toMatchObject({
        code: 'folder_unusable',
        message: expect.stringMatching(/^The data folder in \S+ can not be used .*SIGNALBOX_DATA/),
      });
  });

  it('does not guess an id that was lost', async () => {
    const { path: folder } = await openDataFolder(path.join(scratch, 'data'));
    await writeFile(path.join(folder, 'instance-id'), '');
    await expect(openDataFolder(folder)).rejects.toThrow('does not hold an id');
    expect(await readFile(path.join(folder, 'instance-id'), 'utf8')).toBe('');
  });
});

describe('the lock of a data folder', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  async function take(onLost = (): void => undefined): Promise<DataFolderLock> {
    const lock = await DataFolderLock.take({
      databaseUrl: database.url,
      instanceId,
      folder: '/data',
      log: silentLog,
      onLost,
    });
    onTestFinished(() => lock.release());
    return lock;
  }

  async function sessions(): Promise<number[]> {
    const { rows } = await database.sql.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE starts_with(application_name, 'signalbox 6a1b53a3')`,
    );
    return rows.map((row) => row.pid);
  }

  async function cut(): Promise<void> {
    await database.sql.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, 'signalbox 6a1b53a3')`,
    );
  }

  it('is had by one, and the second is told where the first listens', async () => {
    const first = await take();
    await first.announce('http://127.0.0.1:4410');
    await expect(take()).rejects.toThrow(/already runs on \/data at http:\/\/127\.0\.0\.1:4410\./);
  });

  it('says so when the first is only starting', async () => {
    await take();
    await expect(take()).rejects.toMatchObject({
      code: 'data_folder_in_use',
      message: expect.stringContaining('just starting'),
    });
  });

  it('is free after its release', async () => {
    const first = await take();
    await first.release();
    await expect(take()).resolves.toBeDefined();
  });

  it('is taken again, with its address, when its session was cut', async () => {
    const first = await take();
    await first.announce('http://127.0.0.1:4411');
    const before = await sessions();
    await cut();
    await vi.waitFor(async () => {
      const now = await sessions();
      expect(now).toHaveLength(1);
      expect(now).not.toEqual(before);
    }, 5_000);
    await expect(take()).rejects.toThrow('4411');
  });

  it('tells its holder when another service was faster after a cut', async () => {
    const onLost = vi.fn();
    const first = await take(onLost);
    // Another session already waits in line for the lock: it has it in the moment of the cut, before the first can try again.
    const key = await database.sql.query<{ classid: number; objid: number }>(
      `SELECT (classid::bigint << 32 >> 32)::int4 AS classid, (objid::bigint << 32 >> 32)::int4 AS objid FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    const [held] = key.rows;
    const waiting = database.sql.transaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1::int, $2::int)', [held?.classid, held?.objid]);
      await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce(), 10_000);
    });
    await vi.waitFor(async () => {
      const queue = await database.sql.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
      );
      expect(queue.rowCount).toBe(1);
    });
    await cut();
    await waiting;
    await first.release();
  });
});
