import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { bindHub, checkHub, HubRefusal, readHubId } from '../../src/db/hub-identity.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let scratch: string;
let hub: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-hub-'));
  hub = path.join(scratch, 'hub');
  return () => rm(scratch, { recursive: true, force: true });
});

async function makeDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({ poolSize: 4 });
  onTestFinished(() => database.close());
  return database;
}

async function addProject({ sql }: TestDatabase): Promise<string> {
  const id = randomUUID();
  await sql.query(
    `INSERT INTO project (id, key, remote, default_branch) VALUES ($1, 'api', '/remote', 'main')`,
    [id],
  );
  return id;
}

async function knownId({ sql }: TestDatabase): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>('SELECT id FROM hub_id WHERE bound_at IS NOT NULL');
  return rows[0]?.id ?? null;
}

/** Refused by both questions, and neither leaves a trace. */
async function expectRefused(database: TestDatabase, folder: string, why: RegExp): Promise<void> {
  const known = await knownId(database);
  const before = await readdir(folder).catch(() => null);
  for (const ask of [checkHub, bindHub]) {
    const refusal: unknown = await ask(database.sql, folder).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(HubRefusal);
    expect(refusal).toMatchObject({ message: expect.stringMatching(why) });
  }
  expect(await readdir(folder).catch(() => null)).toEqual(before);
  expect(await knownId(database)).toBe(known);
}

describe('a hub and its database', () => {
  it('know each other by an id since their first start, and nobody else looks into the hub', async () => {
    const database = await makeDatabase();
    await checkHub(database.sql, hub);
    await bindHub(database.sql, hub);
    const id = await readHubId(hub);
    expect(id).not.toBeNull();
    expect(await knownId(database)).toBe(id);
    expect((await stat(hub)).mode & 0o777).toBe(0o700);
    await checkHub(database.sql, hub);
    await bindHub(database.sql, hub);
    expect(await readHubId(hub)).toBe(id);
  });

  it('agree on one id when replicas have their first start at the same time', async () => {
    const database = await makeDatabase();
    await Promise.all([bindHub(database.sql, hub), bindHub(database.sql, hub)]);
    expect(await knownId(database)).toBe(await readHubId(hub));
  });

  it('are not replaced by another folder, empty or not', async () => {
    const [database, other] = [await makeDatabase(), await makeDatabase()];
    await bindHub(database.sql, hub);
    await bindHub(other.sql, path.join(scratch, 'other'));
    await expectRefused(database, path.join(scratch, 'other'), /belongs to another database.*SIGNALBOX_HUB/);
    await expectRefused(database, path.join(scratch, 'new'), /has no id, and this database has a hub/);
    await mkdir(path.join(scratch, 'empty'));
    await expectRefused(database, path.join(scratch, 'empty'), /has no id, and this database has a hub/);
  });

  it('are not taken by a database that is new, nor by one from before hubs had ids', async () => {
    const [database, other] = [await makeDatabase(), await makeDatabase()];
    await bindHub(database.sql, hub);
    await expectRefused(other, hub, /belongs to another database/);
    await other.sql.query('ALTER TABLE hub_id RENAME TO later; ALTER TABLE project RENAME TO later_too');
    await expect(checkHub(other.sql, hub)).rejects.toThrow(/belongs to another database/);
  });

  it('are bound at the first start after an upgrade when the hub has the repositories of the database', async () => {
    const database = await makeDatabase();
    const project = await addProject(database);
    await expectRefused(database, hub, /none of the repositories/);
    await mkdir(path.join(hub, `${randomUUID()}.git`), { recursive: true });
    await expectRefused(database, hub, /none of the repositories/);
    await mkdir(path.join(hub, `${project}.git`));
    await bindHub(database.sql, hub);
    expect(await knownId(database)).toBe(await readHubId(hub));
  });

  it('of another time are not taken over: repositories without an id that a new database does not know', async () => {
    const database = await makeDatabase();
    await mkdir(path.join(hub, `${randomUUID()}.git`), { recursive: true });
    await expectRefused(database, hub, /belongs to another database/);
  });

  it('is refused with the fix where there is a file in its place', async () => {
    const database = await makeDatabase();
    await writeFile(hub, '');
    for (const ask of [checkHub, bindHub])
      await expect(ask(database.sql, hub)).rejects.toMatchObject({
        code: 'folder_unusable',
        message: expect.stringMatching(/^The hub in \S+ can not be used .*SIGNALBOX_HUB/),
      });
  });

  it('that lost its repositories is not worked with, though it kept its id', async () => {
    const database = await makeDatabase();
    await bindHub(database.sql, hub);
    await addProject(database);
    await expectRefused(database, hub, /none of the repositories/);
  });
});

describe('a first start that ended on its way', () => {
  it('is gone on with when the folder had its id already', async () => {
    const database = await makeDatabase();
    await bindHub(database.sql, hub);
    await database.sql.query('UPDATE hub_id SET bound_at = NULL');
    const id = await readHubId(hub);
    await bindHub(database.sql, hub);
    expect(await knownId(database)).toBe(id);
  });

  it('is begun anew when it had none, so that no two hubs have one id', async () => {
    const database = await makeDatabase();
    await bindHub(database.sql, hub);
    const first = await readHubId(hub);
    await database.sql.query('UPDATE hub_id SET bound_at = NULL');
    await bindHub(database.sql, path.join(scratch, 'other'));
    expect(await readHubId(path.join(scratch, 'other'))).not.toBe(first);
    await expectRefused(database, hub, /belongs to another database/);
  });

  it('leaves a file without an id to a person', async () => {
    const database = await makeDatabase();
    await mkdir(hub);
    await writeFile(path.join(hub, 'hub-id'), '');
    await expectRefused(database, hub, /does not hold an id/);
    expect(await readFile(path.join(hub, 'hub-id'), 'utf8')).toBe('');
  });
});
