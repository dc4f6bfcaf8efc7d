import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OutcomeUnknown } from '../../src/actors/pending.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** The server itself fails every commit, with the SQLSTATE of a full disk or another. */
async function failCommits(sqlstate: string): Promise<void> {
  await stage.sql.query(
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'could not extend file' USING ERRCODE = '${sqlstate}'; END $$`,
  );
  await stage.sql.query(
    `CREATE TRIGGER fail BEFORE INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION fail()`,
  );
}

const letCommit = () => stage.sql.query('DROP TRIGGER fail ON journal');

/** No new table finds room either. */
async function failNewTables(): Promise<void> {
  await stage.sql.query(
    `CREATE FUNCTION fail_tables() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$`,
  );
  await stage.sql.query(
    `CREATE EVENT TRIGGER fail_tables ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION fail_tables()`,
  );
}

/** The heart has beaten twice: a round that began after now is over. */
async function twoBeats(): Promise<void> {
  for (let beat = 0; beat < 2; beat += 1) {
    const { rows } = await stage.sql.query<{ xmin: string }>('SELECT xmin::text FROM actor_heartbeat');
    await eventually(async () =>
      expect(await stage.count('actor_heartbeat', `xmin::text <> '${rows[0]?.xmin ?? ''}'`)).toBe(1),
    );
  }
}

describe('commits that the server can not write', () => {
  it('are told until the next one is written, and lose nothing', async () => {
    const runtime = await stage.started();
    const id = await stage.born(runtime);
    await failCommits('53100');
    const before = Date.now();
    const posted = runtime.post(id, event('add', { by: 1 }));
    await eventually(() => expect(runtime.readiness().ready).toBe(false));
    const { commitFailure } = runtime.readiness();
    expect(commitFailure).toMatchObject({ sqlstate: '53100', message: 'could not extend file' });
    expect(commitFailure?.since.getTime()).toBeGreaterThanOrEqual(before);
    await letCommit();
    expect((await posted).outcome).toBe('accepted');
    expect(runtime.readiness()).toMatchObject({ ready: true, commitFailure: null });
  });

  it('are told as long as there is no room, and no longer, when nobody waits any more', async () => {
    const runtime = await stage.started({ clock: { postTimeoutMs: 100, heartbeatMs: 20 } });
    const id = await stage.born(runtime);
    await failCommits('53100');
    await failNewTables();
    await expect(runtime.post(id, event('add', { by: 1 }))).rejects.toThrow(OutcomeUnknown);
    await twoBeats();
    expect(runtime.readiness()).toMatchObject({ ready: false, commitFailure: { sqlstate: '53100' } });
    await letCommit();
    await stage.sql.query('DROP EVENT TRIGGER fail_tables');
    await eventually(() => expect(runtime.readiness()).toMatchObject({ ready: true, commitFailure: null }));
    expect((await runtime.peek(id))?.version).toBe(1);
  });

  it('are not told for a failure that the next try may be free of', async () => {
    const runtime = await stage.started({ clock: { postTimeoutMs: 100 } });
    const id = await stage.born(runtime);
    await failCommits('40P01');
    await expect(runtime.post(id, event('add', { by: 1 }))).rejects.toThrow(OutcomeUnknown);
    expect(runtime.readiness()).toMatchObject({ ready: true, commitFailure: null });
  });
});
