import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { JournalEntry } from '../../src/actors/journal-types.ts';
import type { Runtime } from '../../src/actors/runtime.ts';
import type { OwnTestServer } from '../support/database.ts';
import { startOwnServer } from '../support/database.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, stageOver } from './support/harness.ts';
import { noteTable } from './support/machines.ts';

// A server of its own: an open write transaction in any database of a server holds every feed on it back.
let server: OwnTestServer;
let stage: Stage;
let runtime: Runtime;
beforeAll(async () => {
  server = await startOwnServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  const database = await server.createDatabase();
  await database.sql.query(noteTable);
  stage = stageOver(database);
  runtime = await stage.started();
});
afterEach(() => stage.close());

async function readAll(
  options: { after?: string; rootId?: string; actorId?: string; limit?: number } = {},
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (let after = options.after; ;) {
    const read = await runtime.feed.read({
      ...options,
      ...(after === undefined ? {} : { after }),
      limit: options.limit ?? 3,
    });
    entries.push(...read.entries);
    if (read.entries.length === 0) return entries;
    after = read.next;
  }
}

describe('the feed', () => {
  it('gives every entry once over resumes, and the entries of one actor in order', async () => {
    const ids = [await stage.born(runtime), await stage.born(runtime)];
    for (let n = 0; n < 5; n += 1) for (const id of ids) await runtime.post(id, event('add', { by: n }));
    const entries = await eventually(async () => {
      const all = await readAll();
      expect(all).toHaveLength(12);
      return all;
    });
    for (const id of ids)
      expect(entries.filter(({ actorId }) => actorId === id).map(({ seq }) => seq)).toEqual([
        1, 2, 3, 4, 5, 6,
      ]);
  });

  it('can be read for one root and for one actor', async () => {
    const [one, two] = [await stage.born(runtime), await stage.born(runtime)];
    await runtime.post(one, event('bear'));
    await runtime.post(two, event('noop'));
    await eventually(async () => expect(await readAll({ rootId: one })).toHaveLength(3));
    expect(await readAll({ actorId: two })).toHaveLength(2);
    expect(await readAll({ rootId: one, actorId: one })).toHaveLength(2);
  });

  it('misses nothing when a lower position commits after a higher one was readable', async () => {
    const id = await stage.born(runtime);
    await eventually(async () => expect(await readAll()).toHaveLength(1));
    const [{ next: cursor }] = [await runtime.feed.read({})];
    const late = new pg.Client({ connectionString: stage.url });
    await late.connect();
    // Takes its place in the order first, and commits last.
    await late.query('BEGIN');
    await late.query(
      `INSERT INTO journal (actor_id, seq, event_id, root_id, machine, type, event, sender, principal, outcome, answer)
      VALUES (gen_random_uuid(), 1, gen_random_uuid(), $1, 'node', 'late', '{}', 'service', 'test', 'accepted', '{}')`,
      [id],
    );
    await runtime.post(id, event('noop'));
    const early = await runtime.feed.read({ after: cursor });
    expect(early.entries).toEqual([]);
    const { rows } = await late.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    expect(await runtime.feed.lag()).toMatchObject({ entries: 1, blockingPid: rows[0]?.pid });
    await late.query('COMMIT');
    await late.end();
    await eventually(async () => {
      const { entries } = await runtime.feed.read({ after: early.next });
      expect(entries.map(({ type }) => type)).toEqual(['late', 'noop']);
    });
    expect(await runtime.feed.lag()).toMatchObject({ entries: 0, blockingPid: null });
  });

  it('wakes its subscribers when the news can be read, also for what another process committed', async () => {
    const other = await stage.started();
    const id = await stage.born(other);
    const seen: string[] = [];
    let after: string | undefined;
    const stop = runtime.feed.subscribe(() => {
      void runtime.feed
        .read({ actorId: id, ...(after === undefined ? {} : { after }) })
        .then(({ entries, next }) => {
          after = next;
          for (const { type } of entries) if (!seen.includes(type)) seen.push(type);
        });
    });
    await other.post(id, event('noop'));
    await eventually(() => expect(seen).toContain('noop'));
    stop();
    await other.post(id, event('finish'));
    await eventually(async () => expect((await runtime.feed.read({ actorId: id })).entries).toHaveLength(3));
    expect(seen).not.toContain('finish');
  });

  it('refuses a cursor that it never gave', async () => {
    await expect(runtime.feed.read({ after: `1.x'; DROP TABLE journal; --.1` })).rejects.toThrow(
      /not a cursor/,
    );
  });
});
