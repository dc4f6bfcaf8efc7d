import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type BoundaryPoint, landingPoints } from '../../src/git/boundary.ts';
import { git, isContained } from '../support/git.ts';
import { Initiative } from './initiative.ts';
import { commitOn } from './outside.ts';
import { oncePerWorld, sharedWorlds } from './shared-worlds.ts';
import { until } from '../support/until.ts';
import { type ClaimedTask } from './world.ts';
import { hubCredential } from '../support/hub-credential.ts';

// Each test starts a service again and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 120_000 });

const worldOf = sharedWorlds();
const hit = new Set<BoundaryPoint>();

/** A file of its own for every task: nothing conflicts. */
const ownFile = (claim: ClaimedTask) => (dir: string, project: string) =>
  writeFile(join(dir, `${claim.task.key}.txt`), `${claim.task.key} in ${project}\n`);

const sharedFile = (line: string) => `one\n${line}\nthree\n`;
const sharedLine = (line: string) => (dir: string) => writeFile(join(dir, 'shared.txt'), sharedFile(line));

describe.each([1, 3])('a landing in %i project(s)', (projects) => {
  const points = landingPoints.filter((point) => projects > 1 || point !== 'between-commits');

  /** A task for every kill, in one phase; `landed` has the keys of those that were handed in. */
  const clean = oncePerWorld(async (here) => ({
    initiative: await Initiative.plan(here, 'work', points),
    landed: [] as string[],
  }));

  test.each(points)('is landed whole and once after a kill at %s', async (point) => {
    const { initiative, landed } = await clean(await worldOf(projects));
    const claim = await initiative.claim();
    await initiative.work(claim, ownFile(claim));
    hit.add(await initiative.submitAndDie(claim, point));
    await initiative.untilTask(claim, 'completed');
    landed.push(claim.task.key);
    await initiative.expectLandedOnce(landed);
  });

  test('what was killed at every point lands with its phase and is delivered: nothing is stuck', async () => {
    const { initiative, landed } = await clean(await worldOf(projects));
    // Those for which there was no kill in this world, because a test failed or was left out.
    while (landed.length < points.length) {
      const claim = await initiative.claim();
      await initiative.work(claim, ownFile(claim));
      await initiative.land(claim);
      landed.push(claim.task.key);
    }
    await initiative.here.approve(initiative.id);
    await initiative.untilState('completed');
    await initiative.expectDeliveredOnce(landed);
  });

  const conflictPoints = ['before-merge', 'before-result'] as const;

  /** One task that has landed, and two that began at the same commit and conflict with it. */
  const rivals = oncePerWorld(async (here) => {
    const initiative = await Initiative.plan(here, 'rivals', ['a', 'b', 'c']);
    const [first, ...waiting] = [
      await initiative.claim(),
      await initiative.claim(),
      await initiative.claim(),
    ] as const;
    await initiative.work(first, sharedLine('first'));
    for (const claim of waiting)
      await initiative.work(claim, async (dir, key) => {
        // Only the last project conflicts: one conflict has to hold back the clean ones.
        if (key === here.keys.at(-1)) await sharedLine(claim.task.key)(dir);
        else await ownFile(claim)(dir, key);
      });
    await initiative.land(first);
    return { initiative, waiting: [...waiting] };
  });

  test.each(conflictPoints)(
    'leaves every project untouched when it conflicts and the service is killed at %s',
    async (point) => {
      const { initiative, waiting } = await rivals(await worldOf(projects));
      const claim = waiting.shift();
      if (claim === undefined) throw new Error('there is no task left');
      const before = await initiative.tips();
      hit.add(await initiative.submitAndDie(claim, point));
      await initiative.untilTask(claim, 'conflicted');
      expect(await initiative.tips()).toEqual(before);
      await initiative.expectNothingLost();
    },
  );
});

/** Commits beside the hub on the branch of every project that has not got its merge yet. */
async function commitOutside(
  { here, branch }: Initiative,
  before: Readonly<Record<string, string>>,
  content?: string,
): Promise<{ key: string; commit: string }[]> {
  const moved: { key: string; commit: string }[] = [];
  for (const key of here.keys) {
    const dir = await here.hub(key);
    const tip = await git(dir, ['rev-parse', branch]);
    // One project has its merge already; the branches of the others still stand where the intents found them.
    if (before[key] !== tip) continue;
    const commit = await commitOn(dir, tip, content === undefined ? {} : { 'shared.txt': content });
    // The locks of the prepared transactions go with the processes that held them.
    await until('the outside writer gets the lock', async () => {
      await git(dir, ['update-ref', branch, commit, tip]);
      return true;
    });
    moved.push({ key, commit });
  }
  return moved;
}

describe('between the commits of two repositories', () => {
  /** Three tasks, and which of them have landed. */
  const outside = oncePerWorld(async (here) => ({
    initiative: await Initiative.plan(here, 'outside', ['a', 'b', 'c']),
    landed: [] as string[],
  }));

  test('a ref that an outside writer moves beside the hub is merged onto, and nothing of either is lost', async () => {
    const { initiative, landed } = await outside(await worldOf(3));
    let moved: { key: string; commit: string }[] = [];
    const claim = await initiative.claim();
    await initiative.work(claim, ownFile(claim));
    const before = await initiative.tips();
    const killedAt = await initiative.submitAndDie(claim, 'between-commits', {
      whileDead: async () => {
        moved = await commitOutside(initiative, before);
      },
    });
    hit.add(killedAt);
    expect(moved).toHaveLength(2);
    await initiative.untilTask(claim, 'completed');
    landed.push(claim.task.key);
    await initiative.expectLandedOnce(landed);
    for (const { key, commit } of moved)
      expect(await isContained(await initiative.here.hub(key), commit, initiative.branch)).toBe(true);
  });

  test('a push over HTTP to the branch that an intent owns is refused', async () => {
    const { initiative, landed } = await outside(await worldOf(3));
    let refused = '';
    const claim = await initiative.claim();
    await initiative.work(claim, ownFile(claim));
    const killedAt = await initiative.submitAndDie(claim, 'between-commits', {
      beforeDeath: async () => {
        const [project] = claim.projects;
        const clone = await mkdtemp(join(initiative.here.folder, 'outsider-'));
        await git(clone, ['init', '--quiet']);
        await git(clone, ['commit', '--quiet', '--allow-empty', '-m', 'intruder']);
        refused = await git(
          clone,
          ['push', '--force', project?.url ?? '', `HEAD:${initiative.branch}`],
          hubCredential(claim),
        ).then(
          () => 'accepted',
          (error: unknown) => (error as { stderr: string }).stderr,
        );
      },
    });
    hit.add(killedAt);
    // No lease ever opens such a branch: that is what keeps everybody but the landing away from it.
    expect(refused).toContain('push_ref_not_granted');
    await initiative.untilTask(claim, 'completed');
    landed.push(claim.task.key);
    await initiative.expectLandedOnce(landed);
  });

  test('a ref that an outside writer moves in conflict beside the hub takes back what was landed, and nothing of either is lost', async () => {
    const { initiative, landed } = await outside(await worldOf(3));
    let moved: { key: string; commit: string }[] = [];
    const claim = await initiative.claim();
    await initiative.work(claim, sharedLine('a'));
    const before = await initiative.tips();
    const killedAt = await initiative.submitAndDie(claim, 'between-commits', {
      whileDead: async () => {
        moved = await commitOutside(initiative, before, sharedFile('outside'));
      },
    });
    hit.add(killedAt);
    expect(moved).toHaveLength(2);
    await initiative.untilTask(claim, 'conflicted');
    const outsideTips = Object.fromEntries(moved.map(({ key, commit }) => [key, commit]));
    expect(await initiative.tips()).toEqual({ ...before, ...outsideTips });
    await initiative.expectMerged(landed);
    await initiative.expectNothingLost();
  });
});

test('every kill point of a landing was hit', () => {
  expect([...hit].toSorted()).toEqual([...landingPoints].toSorted());
});
