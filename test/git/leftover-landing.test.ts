import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { LaneBusy } from '../../src/git/landing-types.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, type Project, projects, requestFor, target } from './landing-support.ts';

let database: TestDatabase;
let lane: LandingBench;
beforeAll(async () => {
  database = await createTestDatabase();
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

/** Another unit on the same target, in the first project only. */
function another(a: Project): ReturnType<typeof requestFor> {
  const source = a.bench.commit('refs/heads/u', a.base, { 'u.txt': 'u\n' });
  return requestFor([{ ...a, source }], { sourceRef: 'refs/heads/u' });
}

it('a landing that nobody comes back for and git does not let end is waited for, and is said so', async () => {
  const all = projects(['a', 'b']);
  const [a, b] = all as [Project, Project];
  const left = requestFor(all);
  await lane.landUntil('between-commits', left, all);
  await lane.endLeases();
  // The objects of the other project are away, so nobody can tell what its branch contains.
  const objects = join(b.bench.dir, 'objects');
  renameSync(objects, `${objects}.away`);
  const logged: Record<string, unknown>[] = [];
  const log = { info: () => undefined, warn: (fields: Record<string, unknown>) => void logged.push(fields) };
  const request = another(a);
  const waiting = await lane.land(request, all, { log }).catch((error: unknown) => error);
  expect(waiting).toBeInstanceOf(LaneBusy);
  expect(waiting).toMatchObject({
    behind: left.effectId,
    delayMs: 10_000,
    message: expect.stringMatching(
      /^waiting for another landing on .*, which can not be finished: git_failed: /,
    ),
  });
  expect(logged).toContainEqual(expect.objectContaining({ behind: left.effectId, code: 'git_failed' }));
  expect(await lane.openIntents()).toBe(2);
  // Neither is it blamed on this landing while that one is being looked at, nor after the fault is mended.
  await expect(lane.land({ ...request, attempt: 2 }, all)).rejects.toBeInstanceOf(LaneBusy);
  renameSync(`${objects}.away`, objects);
  await lane.endLeases();
  expect(await lane.land({ ...request, attempt: 3 }, all)).toMatchObject({ result: 'landed' });
  expect(a.bench.show(a.bench.tip(target) ?? '', 'a.txt')).toBe('a by the task');
  expect(b.bench.show(b.bench.tip(target) ?? '', 'b.txt')).toBe('b by the task');
});
