import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type BoundaryPoint, landingPoints } from '../../src/git/boundary.ts';
import { git, isContained, isReachable } from '../support/git.ts';
import { credential, mergesOf, until, World } from './world.ts';

// Each test starts a service twice and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 120_000 });

const hit = new Set<BoundaryPoint>();
let world: World | null = null;

afterEach(async () => {
  await world?.end();
  world = null;
});

const phase = 'refs/heads/signalbox/work/phase/one';

async function taskState(here: World, initiative: string, key: string): Promise<unknown> {
  const tree = await here.tree(initiative);
  return tree.phases.flatMap(({ tasks }) => tasks).find((task) => task.key === key)?.state;
}

/** Nothing is half-done: no intent is open, and each pushed commit is on the phase branch exactly once. */
async function expectLandedOnce(here: World, unit: string): Promise<void> {
  const { rows } = await here.database.sql.query<{ open: string }>(
    `SELECT count(*) AS open FROM landing_intent WHERE state = 'open'`,
  );
  expect(Number(rows[0]?.open)).toBe(0);
  for (const key of here.keys) {
    expect(await mergesOf(await here.hub(key), phase, unit)).toBe(1);
  }
  for (const { project, commit } of here.pushed) {
    expect(await isContained(await here.hub(project), commit, phase)).toBe(true);
  }
}

/** Starts a service that dies at the point of the first landing, brings a task there, and starts it again. */
async function landWithKill(
  projects: number,
  point: BoundaryPoint,
  whileDead?: (here: World) => Promise<void>,
  edit = (dir: string, key: string) => writeFile(join(dir, `a-${key}.txt`), `a in ${key}\n`),
) {
  const here = await World.make(projects);
  world = here;
  const service = await here.start({ point, nth: 1 });
  const initiative = await here.plan(['a']);
  const claim = await here.claim();
  await here.work(claim, edit);
  await here.submit(claim);
  await service.killed();
  for (const passed of service.passed) hit.add(passed);
  await whileDead?.(here);
  await here.start();
  return { here, initiative, claim };
}

describe.each([1, 3])('a landing in %i project(s)', (projects) => {
  const points = landingPoints.filter((point) => projects > 1 || point !== 'between-commits');

  test.each(points)('is landed whole and once after a kill at %s', async (point) => {
    const { here, initiative } = await landWithKill(projects, point);
    await until(
      'the task is completed',
      async () => (await taskState(here, initiative, 'a')) === 'completed',
    );
    await expectLandedOnce(here, 'task work/one/a');
    // The phase lands after it, and the initiative opens its review: nothing is stuck.
    await here.approve(initiative);
    await until(
      'the initiative is completed',
      async () => (await here.tree(initiative)).state === 'completed',
    );
    for (const { project, commit } of here.pushed) {
      expect(await isContained(here.remote(project), commit, 'refs/heads/main')).toBe(true);
    }
  });

  test.each(['before-merge', 'before-result'] as const)(
    'leaves every project untouched when it conflicts and the service is killed at %s',
    async (point) => {
      const here = await World.make(projects);
      world = here;
      // The landing of the first task passes each point once; the second one is killed.
      const service = await here.start({ point, nth: 2 });
      const initiative = await here.plan(['a', 'b']);
      const [first, second] = [await here.claim(), await here.claim()];
      const edit = (text: string) => (dir: string) =>
        writeFile(join(dir, 'shared.txt'), `one\n${text}\nthree\n`);
      await here.work(first, edit('first'));
      await here.work(second, async (dir, key) => {
        // Only the last project conflicts: one conflict has to hold back the clean ones.
        if (key === here.keys.at(-1)) await edit('second')(dir);
        else await writeFile(join(dir, `b-${key}.txt`), 'b\n');
      });
      await here.submit(first);
      await until(
        'the first task is landed',
        async () => (await taskState(here, initiative, first.task.key)) === 'completed',
      );
      const before = await Promise.all(
        here.keys.map(async (key) => git(await here.hub(key), ['rev-parse', phase])),
      );
      await here.submit(second);
      await service.killed();
      for (const passed of service.passed) hit.add(passed);
      await here.start();
      await until(
        'the second task is conflicted',
        async () => (await taskState(here, initiative, second.task.key)) === 'conflicted',
      );
      const after = await Promise.all(
        here.keys.map(async (key) => git(await here.hub(key), ['rev-parse', phase])),
      );
      expect(after).toEqual(before);
      for (const { project, commit } of here.pushed) {
        expect(await isReachable(await here.hub(project), commit)).toBe(true);
      }
    },
  );
});

const sharedFile = (line: string) => `one\n${line}\nthree\n`;

/** Commits beside the hub on the phase branch of every project that has not got its merge yet. */
async function commitOutside(here: World, content?: string): Promise<{ key: string; commit: string }[]> {
  const moved: { key: string; commit: string }[] = [];
  for (const key of here.keys) {
    const dir = await here.hub(key);
    const tip = await git(dir, ['rev-parse', phase]);
    // One project has its merge already; the branches of the others still stand where the intents found them.
    if ((await git(dir, ['rev-parse', 'refs/heads/main'])) !== tip) continue;
    let tree = await git(dir, ['rev-parse', `${tip}^{tree}`]);
    if (content !== undefined) {
      const file = join(here.folder, 'outside.txt');
      await writeFile(file, content);
      const blob = await git(dir, ['hash-object', '-w', file]);
      const index = { GIT_INDEX_FILE: join(here.folder, `outside-${key}.index`) };
      await git(dir, ['update-index', '--add', '--cacheinfo', `100644,${blob},shared.txt`], index);
      tree = await git(dir, ['write-tree'], index);
    }
    const commit = await git(dir, ['commit-tree', tree, '-p', tip, '-m', 'outside']);
    // The locks of the prepared transactions go with the processes that held them.
    await until('the outside writer gets the lock', async () => {
      await git(dir, ['update-ref', phase, commit, tip]);
      return true;
    });
    moved.push({ key, commit });
  }
  return moved;
}

describe('between the commits of two repositories', () => {
  test('a ref that an outside writer moves beside the hub is merged onto, and nothing of either is lost', async () => {
    let moved: { key: string; commit: string }[] = [];
    const { here, initiative } = await landWithKill(3, 'between-commits', async (at) => {
      moved = await commitOutside(at);
    });
    expect(moved).toHaveLength(2);
    await until(
      'the task is completed',
      async () => (await taskState(here, initiative, 'a')) === 'completed',
    );
    await expectLandedOnce(here, 'task work/one/a');
    for (const { key, commit } of moved)
      expect(await isContained(await here.hub(key), commit, phase)).toBe(true);
  });

  test('a ref that an outside writer moves in conflict beside the hub takes back what was landed, and nothing of either is lost', async () => {
    let moved: { key: string; commit: string }[] = [];
    const { here, initiative } = await landWithKill(
      3,
      'between-commits',
      async (at) => {
        moved = await commitOutside(at, sharedFile('outside'));
      },
      (dir) => writeFile(join(dir, 'shared.txt'), sharedFile('a')),
    );
    expect(moved).toHaveLength(2);
    await until(
      'the task is conflicted',
      async () => (await taskState(here, initiative, 'a')) === 'conflicted',
    );
    const { rows } = await here.database.sql.query(`SELECT FROM landing_intent WHERE state = 'open'`);
    expect(rows).toHaveLength(0);
    for (const key of here.keys) {
      const dir = await here.hub(key);
      const outside = moved.find((one) => one.key === key)?.commit;
      const tip = await git(dir, ['rev-parse', phase]);
      expect(tip).toBe(outside ?? (await git(dir, ['rev-parse', 'refs/heads/main'])));
      expect(await mergesOf(dir, phase, 'task work/one/a')).toBe(0);
    }
    for (const { project, commit } of here.pushed) {
      expect(await isReachable(await here.hub(project), commit)).toBe(true);
    }
  });

  test('a push over HTTP to the branch that an intent owns is refused', async () => {
    let refused = '';
    let claimed: Parameters<typeof credential>[0] | null = null;
    const here = await World.make(3);
    world = here;
    const service = await here.start({
      point: 'between-commits',
      nth: 1,
      meanwhile: async () => {
        if (claimed === null) throw new Error('nothing was claimed');
        const [project] = claimed.projects;
        const clone = join(here.folder, 'outsider');
        await git(here.folder, ['init', '--quiet', clone]);
        await git(clone, ['commit', '--quiet', '--allow-empty', '-m', 'intruder']);
        refused = await git(
          clone,
          ['push', '--force', project?.url ?? '', `HEAD:${phase}`],
          credential(claimed),
        ).then(
          () => 'accepted',
          (error: unknown) => (error as { stderr: string }).stderr,
        );
      },
    });
    const initiative = await here.plan(['a']);
    const claim = await here.claim();
    claimed = claim;
    await here.work(claim, (dir, key) => writeFile(join(dir, `a-${key}.txt`), `a in ${key}\n`));
    await here.submit(claim);
    await service.killed();
    for (const passed of service.passed) hit.add(passed);
    // No lease ever opens such a branch: that is what keeps everybody but the landing away from it.
    expect(refused).toContain('push_ref_not_granted');
    await here.start();
    await until(
      'the task is completed',
      async () => (await taskState(here, initiative, 'a')) === 'completed',
    );
    await expectLandedOnce(here, 'task work/one/a');
  });
});

test('every kill point of a landing was hit', () => {
  expect([...hit].filter((point) => (landingPoints as readonly string[]).includes(point)).toSorted()).toEqual(
    [...landingPoints].toSorted(),
  );
});
