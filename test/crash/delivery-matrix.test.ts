import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type BoundaryPoint, deliveryPoints } from '../../src/git/boundary.ts';
import { git, isContained, isReachable } from '../support/git.ts';
import { mergesOf, until, World } from './world.ts';

// Each test starts a service twice and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 120_000 });

const hit = new Set<BoundaryPoint>();
let world: World | null = null;

afterEach(async () => {
  await world?.end();
  world = null;
});

/** Brings a plan up to its approved delivery; the service dies at the point. */
async function deliverWithKill(
  projects: number,
  point: BoundaryPoint,
  meanwhile: {
    readonly beforeApproval?: (here: World) => Promise<void>;
    readonly whileDead?: (here: World) => Promise<void>;
  } = {},
) {
  const here = await World.make(projects);
  world = here;
  const service = await here.start({ point, nth: 1 });
  const initiative = await here.plan(['a']);
  const claim = await here.claim();
  await here.work(claim, (dir, key) => writeFile(join(dir, `a-${key}.txt`), `a in ${key}\n`));
  await here.submit(claim);
  await meanwhile.beforeApproval?.(here);
  await here.approve(initiative);
  await service.killed();
  for (const passed of service.passed) hit.add(passed);
  await meanwhile.whileDead?.(here);
  await here.start();
  return { here, initiative };
}

/** Somebody commits to the last remote what does not merge with the work. */
async function conflictAtLast(here: World): Promise<void> {
  const last = here.keys.at(-1) ?? '';
  const clone = join(here.folder, 'outsider');
  await git(here.folder, ['clone', '--quiet', here.remote(last), clone]);
  await writeFile(join(clone, `a-${last}.txt`), 'something else\n');
  await git(clone, ['add', '-A']);
  await git(clone, ['commit', '--quiet', '-m', 'outside']);
  await git(clone, ['push', '--quiet', 'origin', 'HEAD:main']);
}

describe.each([1, 3])('a delivery to %i project(s)', (projects) => {
  const points = deliveryPoints.filter((point) => projects > 1 || point !== 'between-pushes');

  test.each(points)('reaches every remote once after a kill at %s', async (point) => {
    const { here, initiative } = await deliverWithKill(projects, point);
    await until(
      'the initiative is completed',
      async () => (await here.tree(initiative)).state === 'completed',
    );
    for (const { project, commit } of here.pushed) {
      expect(await isContained(here.remote(project), commit, 'refs/heads/main')).toBe(true);
    }
    for (const key of here.keys) {
      expect(await mergesOf(here.remote(key), 'refs/heads/main', 'initiative work')).toBe(1);
      const hub = await git(await here.hub(key), ['rev-parse', 'refs/heads/main']);
      expect(hub).toBe(await git(here.remote(key), ['rev-parse', 'refs/heads/main']));
    }
  });

  test('pushes nothing anywhere when one remote conflicts and the service is killed before it can say so', async () => {
    const heads: Record<string, string> = {};
    const { here, initiative } = await deliverWithKill(projects, 'before-delivery-result', {
      beforeApproval: async (at) => {
        await conflictAtLast(at);
        for (const key of at.keys) heads[key] = await git(at.remote(key), ['rev-parse', 'refs/heads/main']);
      },
    });
    await until(
      'the initiative says what is wrong',
      async () => (await here.tree(initiative)).state === 'conflict_unresolved',
    );
    for (const key of here.keys) {
      expect(await git(here.remote(key), ['rev-parse', 'refs/heads/main'])).toBe(heads[key]);
    }
  });
});

test('a remote that conflicts after a kill between two pushes is left as it is, and what the first one got is said', async () => {
  const heads: Record<string, string> = {};
  const { here, initiative } = await deliverWithKill(3, 'between-pushes', {
    whileDead: async (at) => {
      await conflictAtLast(at);
      for (const key of at.keys) heads[key] = await git(at.remote(key), ['rev-parse', 'refs/heads/main']);
    },
  });
  const tree = await until('the initiative says what is wrong', async () => {
    const seen = await here.tree(initiative);
    return seen.state === 'partially_delivered' ? seen : null;
  });
  const [first, second, last] = here.keys;
  expect(await git(here.remote(first ?? ''), ['rev-parse', 'refs/heads/main'])).toBe(heads[first ?? '']);
  expect(await mergesOf(here.remote(first ?? ''), 'refs/heads/main', 'initiative work')).toBe(1);
  // The conflict holds back the one in between as well.
  expect(await git(here.remote(second ?? ''), ['rev-parse', 'refs/heads/main'])).toBe(heads[second ?? '']);
  expect(await git(here.remote(last ?? ''), ['rev-parse', 'refs/heads/main'])).toBe(heads[last ?? '']);
  expect(tree.projects.map(({ key, delivery }) => [key, delivery])).toMatchObject([
    [first, { state: 'delivered' }],
    [second, { state: 'prepared', code: null }],
    [last, { state: 'refused', code: 'conflict' }],
  ]);
  for (const { project, commit } of here.pushed) {
    expect(await isReachable(await here.hub(project), commit)).toBe(true);
  }
});

test('every kill point of a delivery was hit', () => {
  expect(
    [...hit].filter((point) => (deliveryPoints as readonly string[]).includes(point)).toSorted(),
  ).toEqual([...deliveryPoints].toSorted());
});
