import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../src/actors/runtime.ts';
import { StateEntryMigration } from '../../migrations/0013-state-entry.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { event, stageOver, type Stage } from './support/harness.ts';
import { noteTable } from './support/machines.ts';

describe('when an actor came into its state', () => {
  let database: TestDatabase;
  let stage: Stage;
  let runtime: Runtime;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql.query(noteTable);
    stage = stageOver(database);
    runtime = stage.runtime();
  });
  afterAll(async () => {
    await runtime.stop();
    await stage.close();
  });

  /** A minute passes, and these events come: each by itself, or all in one commit. */
  async function later(id: string, ...types: readonly string[]) {
    await stage.shiftClock(60_000);
    await Promise.all(types.map((type) => runtime.post(id, event(type))));
    const { since, updatedAt } = (await runtime.peek(id)) ?? expect.fail();
    return { since: since.getTime(), updatedAt: updatedAt.getTime() };
  }

  it('is its birth, and stays that whatever it is told there', async () => {
    const id = await stage.born(runtime);
    const born = (await runtime.peek(id))?.since.getTime();
    const told = await later(id, 'noop');
    expect(told.since).toBe(born);
    expect(told.updatedAt - told.since).toBeGreaterThanOrEqual(60_000);
    // Its assignment throws: nothing changes but the journal.
    expect((await later(id, 'explode')).since).toBe(born);
  });

  it('is the time of the event that led it there', async () => {
    const id = await stage.born(runtime);
    const working = await later(id, 'work');
    expect(working.since).toBe(working.updatedAt);
    const idle = await later(id, 'stop');
    expect(idle.since - working.since).toBeGreaterThanOrEqual(60_000);
  });

  it('is a new one where the state begins anew', async () => {
    const id = await stage.born(runtime);
    const working = await later(id, 'work');
    const anew = await later(id, 'restart');
    expect(anew.since - working.since).toBeGreaterThanOrEqual(60_000);
  });

  it('is a new one where it has been away and is back within one commit', async () => {
    const id = await stage.born(runtime);
    const born = (await runtime.peek(id))?.since.getTime() ?? 0;
    // The first may be committed by itself; what comes meanwhile is one commit.
    const back = await later(id, 'noop', 'nap', 'stop');
    const together = await stage.count(
      'journal',
      `actor_id = '${id}' AND at = (SELECT entered_at FROM actor WHERE id = '${id}') AND type IN ('nap', 'stop')`,
    );
    expect((await runtime.peek(id))?.state).toBe('idle');
    expect(back.since - born).toBeGreaterThanOrEqual(60_000);
    expect(together).toBe(2);
  });

  it('is read from the journals when it is migrated', async () => {
    const { rows: before } = await stage.sql.query<{ id: string; entered_at: Date; value: string }>(
      `SELECT id, entered_at, snapshot ->> 'value' AS value FROM actor ORDER BY id`,
    );
    const { em, config } = database.orm;
    const migration = new StateEntryMigration(em.getDriver(), config);
    migration.up();
    await stage.sql.query('ALTER TABLE actor DROP COLUMN entered_at');
    await stage.shiftClock(60_000);
    for (const query of migration.getQueries()) await stage.sql.query(query as string);
    const { rows: after } = await stage.sql.query<{ id: string; entered_at: Date }>(
      'SELECT id, entered_at FROM actor ORDER BY id',
    );
    // An entry into the same state leaves no trace in the journal's answers, so the one that began anew is older than it was.
    const working = new Set(before.filter(({ value }) => value === 'working').map(({ id }) => id));
    const known = (rows: readonly { id: string; entered_at: Date }[]) =>
      rows.filter(({ id }) => !working.has(id)).map(({ entered_at }) => entered_at.getTime());
    expect(working.size).toBe(1);
    expect(known(after)).toEqual(known(before));
    expect(known(before)).toHaveLength(3);
  });
});
