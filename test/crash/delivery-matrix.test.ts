import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type BoundaryPoint, deliveryPoints } from '../../src/git/boundary.ts';
import { git } from '../support/git.ts';
import { dieAt } from './deaths.ts';
import { Initiative } from './initiative.ts';
import { sharedWorlds } from './shared-worlds.ts';
import { until } from '../support/until.ts';
import { unitsOn, type World } from './world.ts';

// Each test starts a service again and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 300_000 });

const worldOf = sharedWorlds();
const hit = new Set<BoundaryPoint>();

/** An initiative whose only task is handed in: it waits for nothing but its approval. */
async function readyToDeliver(projects: number, key: string): Promise<Initiative> {
  const initiative = await Initiative.plan(await worldOf(projects), key, ['a']);
  const claim = await initiative.claim();
  await initiative.work(claim, (dir, project) =>
    writeFile(join(dir, `${key}.txt`), `${key} in ${project}\n`),
  );
  await initiative.here.submit(claim);
  return initiative;
}

/** Somebody commits to the last remote what does not merge with the work. */
async function conflictAtLast({ here, key }: Initiative): Promise<void> {
  const clone = await mkdtemp(join(here.folder, 'outsider-'));
  await git(here.folder, ['clone', '--quiet', here.remote(here.keys.at(-1) ?? ''), clone]);
  await writeFile(join(clone, `${key}.txt`), 'something else\n');
  await git(clone, ['add', '-A']);
  await git(clone, ['commit', '--quiet', '-m', 'outside']);
  await git(clone, ['push', '--quiet', 'origin', 'HEAD:main']);
}

/** What the default branches of the remotes are at, by project. */
async function remoteHeads(here: World): Promise<Record<string, string>> {
  const heads: Record<string, string> = {};
  for (const key of here.keys) heads[key] = await git(here.remote(key), ['rev-parse', 'refs/heads/main']);
  return heads;
}

describe.each([1, 3])('a delivery to %i project(s)', (projects) => {
  const points = deliveryPoints.filter((point) => projects > 1 || point !== 'between-pushes');

  test.each(points)('reaches every remote once after a kill at %s', async (point) => {
    const initiative = await readyToDeliver(projects, point);
    hit.add(await initiative.approveAndDie(point));
    await initiative.untilState('completed');
    await initiative.expectDeliveredOnce(['a']);
  });

  test('pushes nothing anywhere when one remote conflicts and the service is killed before it can say so', async () => {
    const initiative = await readyToDeliver(projects, 'conflict');
    await conflictAtLast(initiative);
    const heads = await remoteHeads(initiative.here);
    hit.add(await initiative.approveAndDie('before-delivery-result'));
    await initiative.untilState('in_progress');
    expect(await remoteHeads(initiative.here)).toEqual(heads);
  });
});

test('a remote that conflicts after a kill between two pushes is left as it is, and what the first one got is said', async () => {
  let heads: Record<string, string> = {};
  const initiative = await readyToDeliver(3, 'late-conflict');
  const { here } = initiative;
  const killedAt = await initiative.approveAndDie('between-pushes', {
    whileDead: async () => {
      await conflictAtLast(initiative);
      heads = await remoteHeads(here);
    },
  });
  hit.add(killedAt);
  const tree = await until('the initiative says what is wrong', async () => {
    const seen = await here.tree(initiative.id);
    return seen.state === 'partially_delivered' ? seen : null;
  });
  // The first one has it, once; the conflict holds back the one in between as well.
  expect(await remoteHeads(here)).toEqual(heads);
  const delivered = await Promise.all(
    here.keys.map(async (key) => {
      const units = await unitsOn(here.remote(key), 'refs/heads/main');
      return units.filter((unit) => unit === 'initiative late-conflict').length;
    }),
  );
  expect(delivered).toEqual([1, 0, 0]);
  const [first, second, last] = here.keys;
  expect(tree.projects.map(({ key, delivery }) => [key, delivery])).toMatchObject([
    [first, { state: 'delivered' }],
    [second, { state: 'prepared', code: null }],
    [last, { state: 'refused', code: 'conflict' }],
  ]);
  await initiative.expectNothingLost();
});

/** Counts what each remote takes on its default branch; one of them takes nothing until it is told to. */
async function refuseAt(
  { here }: Initiative,
  key: string,
): Promise<{ allow: () => Promise<void>; pushes: () => Promise<number[]> }> {
  for (const remote of here.keys)
    await git(here.remote(remote), ['config', 'core.logAllRefUpdates', 'always']);
  const hook = join(here.remote(key), 'hooks', 'pre-receive');
  await mkdir(join(here.remote(key), 'hooks'), { recursive: true });
  await writeFile(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const pushesTo = async (remote: string) => {
    const log = await git(here.remote(remote), ['reflog', 'show', '--format=%H', 'refs/heads/main']);
    return log.split('\n').filter((line) => line !== '').length;
  };
  const before = await Promise.all(here.keys.map(pushesTo));
  return {
    allow: () => rm(hook),
    pushes: async () => {
      const now = await Promise.all(here.keys.map(pushesTo));
      return now.map((count, index) => count - (before[index] ?? 0));
    },
  };
}

test('a partial delivery that is resumed reaches each remote once, whichever step of it a kill cuts off', async () => {
  const initiative = await readyToDeliver(3, 'resumed');
  const { here, id } = initiative;
  const remote = await refuseAt(initiative, here.keys[1] ?? '');
  await here.approve(id);
  await initiative.untilState('partially_delivered');
  expect(await remote.pushes()).toEqual([1, 0, 0]);
  const first = (await remoteHeads(here))['p1'];

  await remote.allow();
  const resume = () =>
    here.post(`/v1/initiatives/${id}/events`, { type: 'initiative.resumeDelivery' }, 'go-on');
  const points = ['before-push', 'between-pushes', 'before-push-record', 'before-delivery-result'] as const;
  for (const { point, running } of await dieAt(here, points, resume)) {
    hit.add(point);
    expect(running).toEqual(['initiative.deliver']);
  }
  await initiative.untilState('completed');
  expect(await resume()).toMatchObject({ outcome: 'duplicate' });
  await initiative.expectDeliveredOnce(['a']);
  expect(await remote.pushes()).toEqual([1, 1, 1]);
  expect((await remoteHeads(here))['p1']).toBe(first);
});

test('a partial delivery that is taken back is taken back once and can be delivered, whichever step of it a kill cuts off', async () => {
  const initiative = await readyToDeliver(3, 'reverted');
  const { here, id } = initiative;
  const first = here.remote(here.keys[0] ?? '');
  const remote = await refuseAt(initiative, here.keys[1] ?? '');
  await here.approve(id);
  await initiative.untilState('partially_delivered');
  expect(await remote.pushes()).toEqual([1, 0, 0]);
  const contentOf = () => git(first, ['ls-tree', '-r', '--name-only', 'main']);
  expect(await contentOf()).toContain('reverted.txt');

  const revert = () =>
    here.post(`/v1/initiatives/${id}/events`, { type: 'initiative.revertDelivery' }, 'take-back');
  const landing = [
    'before-intents',
    'after-intents',
    'after-prepare',
    'after-commits',
    'before-result',
  ] as const;
  const pushing = ['before-push', 'before-push-record', 'after-push', 'before-delivery-result'] as const;
  const deaths = await dieAt(here, [...landing, ...pushing], revert);
  expect(deaths.map(({ running }) => running)).toEqual([
    ...landing.map(() => ['initiative.revert']),
    ...pushing.map(() => ['initiative.pushRevert']),
  ]);
  await initiative.untilState('pending_review');
  expect(await remote.pushes()).toEqual([2, 0, 0]);
  expect(await contentOf()).not.toContain('reverted.txt');
  await initiative.expectNothingLost();

  await remote.allow();
  await here.approve(id);
  await initiative.untilState('completed');
  expect(await remote.pushes()).toEqual([3, 1, 1]);
  expect(await contentOf()).toContain('reverted.txt');
});

test('every kill point of a delivery was hit', () => {
  expect([...hit].toSorted()).toEqual([...deliveryPoints].toSorted());
});
