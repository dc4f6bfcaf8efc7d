import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import type { ProcessIdentity } from '../../src/git/child-process-identity.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, type Project, projects, requestFor, target } from './landing-support.ts';
import { git } from './support.ts';

let database: TestDatabase;
let lane: LandingBench;
beforeAll(async () => {
  database = await createTestDatabase();
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

/** The one git that holds locks of a repository at this moment. */
function lockHolder(dir: string): number {
  const notes = join(dir, 'signalbox-children');
  const [name = '', ...more] = readdirSync(notes);
  expect(more).toEqual([]);
  return (JSON.parse(readFileSync(join(notes, name), 'utf8')) as ProcessIdentity).pid;
}

it('a git that is killed between the commits of two repositories leaves intents, and the next attempt ends the landing', async () => {
  const all = projects(['a', 'b']);
  const [a, b] = all as [Project, Project];
  const request = requestFor(all);
  const boundary = async (point: BoundaryPoint): Promise<void> => {
    if (point === 'between-commits') process.kill(lockHolder(b.bench.dir), 'SIGKILL');
  };
  await expect(lane.land(request, all, { boundary })).rejects.toMatchObject({ code: 'git_failed' });
  expect([a.bench.tip(target) === a.base, b.bench.tip(target) === b.base]).toEqual([false, true]);
  // Nobody had the time to remove it.
  const lock = join(b.bench.dir, `${target}.lock`);
  expect(existsSync(lock)).toBe(true);
  expect(await lane.openIntents()).toBe(2);
  const stored = await lane.store().load(request.effectId);

  expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({
    result: 'landed',
    projects: [{ result: 'merged' }, { result: 'merged' }],
  });
  expect(all.map(({ bench }) => bench.tip(target))).toEqual(stored?.intents.map(({ after }) => after));
  expect(existsSync(lock)).toBe(false);
  expect(git(b.bench.dir, 'fsck', '--connectivity-only')).toBe('');
});
