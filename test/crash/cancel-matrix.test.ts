import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type BoundaryPoint, eventPoints, retirePoints } from '../../src/git/boundary.ts';
import { git, isContained, refsOf } from '../support/git.ts';
import { dieAt } from './deaths.ts';
import { Initiative } from './initiative.ts';
import { sharedWorlds } from './shared-worlds.ts';
import { type ClaimedTask, type Pushed } from './world.ts';
import { hubCredential } from '../support/hub-credential.ts';

// Each test starts a service again and again and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 300_000 });

const worldOf = sharedWorlds();
const hit = new Set<BoundaryPoint>();

const ownFile = (claim: ClaimedTask) => (dir: string, project: string) =>
  writeFile(join(dir, `${claim.task.key}.txt`), `${claim.task.key} in ${project}\n`);

/** All that was pushed is held by backup refs of these units; nothing runs, waits or is leased any more. */
async function expectWholeEnd(
  initiative: Initiative,
  pushed: readonly Pushed[],
  units: readonly string[],
): Promise<void> {
  const { here, id } = initiative;
  for (const { project, commit } of pushed) {
    const dir = await here.hub(project);
    const held = await Promise.all(
      units.map((unit) => isContained(dir, commit, `refs/signalbox/backup/${unit}`)),
    );
    expect(held, `${commit} in ${project}`).toContain(true);
  }
  const left = async () => {
    const { rows } = await here.database.sql.query<Record<string, number>>(
      `SELECT (SELECT count(*) FROM lease WHERE initiative_id = $1)::int AS leases,
            (SELECT count(*) FROM ready_task WHERE initiative_id = $1)::int AS ready,
            (SELECT count(*) FROM effect e JOIN actor a ON a.id = e.actor_id WHERE a.root_id = $1)::int AS effects,
            (SELECT count(*) FROM landing_intent WHERE state = 'open')::int AS intents`,
      [id],
    );
    return rows;
  };
  // An initiative goes on when its phase has ended.
  await expect.poll(left).toEqual([{ leases: 0, ready: 0, effects: 0, intents: 0 }]);
}

/** Nothing can be done any more under the lease: no report, and no push to the branch of the attempt. */
async function expectRevoked({ here }: Initiative, claim: ClaimedTask): Promise<void> {
  await expect(here.submit(claim)).rejects.toThrow('lease_over');
  const [project] = claim.projects;
  const dir = await here.hub(project?.key ?? '');
  const branch = `refs/heads/${claim.branch}`;
  const before = await refsOf(dir, branch);
  const clone = join(here.folder, `late-${claim.lease.id}`);
  await git(here.folder, ['clone', '--quiet', dir, clone]);
  await git(clone, ['commit', '--quiet', '--allow-empty', '-m', 'late']);
  await git(clone, ['push', '--quiet', project?.url ?? '', `HEAD:${branch}`], hubCredential(claim)).catch(
    () => 'refused, or kept aside',
  );
  expect(await refsOf(dir, branch)).toEqual(before);
}

test('an initiative that is canceled while an agent works ends whole, whichever step of it a kill cuts off', async () => {
  const initiative = await Initiative.plan(await worldOf(2), 'goal', ['a']);
  const { here, id } = initiative;
  const claim = await initiative.claim();
  await initiative.work(claim, ownFile(claim));
  const phase = await initiative.untilPhase('one', 'in_progress');
  const cancel = () =>
    here.post(`/v1/initiatives/${id}/events`, { type: 'initiative.cancel' }, 'cancel-the-goal');

  const ends = [
    ...retirePoints.map((point) => ({ point, during: 'task.retire' })),
    ...retirePoints.slice(1).map((point) => ({ point, during: 'phase.retire' })),
    ...retirePoints.slice(1).map((point) => ({ point, during: 'initiative.retire' })),
  ];
  await dieAt(here, ['before-event'], cancel);
  const deaths = await dieAt(here, ['before-answer', ...ends], cancel);
  for (const point of ['before-event' as const, ...deaths.map((death) => death.point)]) hit.add(point);
  expect(deaths.slice(1).map(({ running }) => running)).toEqual(ends.map(({ during }) => [during]));
  expect(await cancel()).toMatchObject({ outcome: 'duplicate' });

  await initiative.untilState('canceled');
  const tree = await here.tree(id);
  expect(tree.phases.map(({ state, tasks }) => [state, tasks.map((task) => task.state)])).toEqual([
    ['canceled', ['canceled']],
  ]);
  await expectWholeEnd(initiative, initiative.pushed, [claim.task.id]);
  for (const key of here.keys) {
    const dir = await here.hub(key);
    for (const [unit, branch] of [
      [phase.id, initiative.branch],
      [id, initiative.ownBranch],
    ] as const)
      expect(Object.values(await refsOf(dir, `refs/signalbox/backup/${unit}`))).toEqual([
        await git(dir, ['rev-parse', branch]),
      ]);
  }
  await expectRevoked(initiative, claim);
});

test('a phase that is canceled while a task lands and another is worked on ends whole after a kill between two refs and one between two backups', async () => {
  const initiative = await Initiative.plan(await worldOf(2), 'part', ['a', 'b']);
  const { here } = initiative;
  const [landing, working] = [await initiative.claim(), await initiative.claim()];
  for (const claim of [landing, working]) await initiative.work(claim, ownFile(claim));
  const phase = await initiative.untilPhase('one', 'in_progress');

  const deaths = await dieAt(
    here,
    ['between-commits', 'between-backups', 'before-result'],
    () => here.submit(landing),
    {
      beforeDeath: () => here.ask('POST', `/v1/phases/${phase.id}/events`, { type: 'phase.cancel' }),
    },
  );
  expect(deaths[0]?.running).toContain('task.land');
  await initiative.untilPhase('one', 'canceled');
  const [ended] = (await here.tree(initiative.id)).phases;
  expect(Object.fromEntries(ended?.tasks.map(({ key, state }) => [key, state]) ?? [])).toEqual({
    [landing.task.key]: 'completed',
    [working.task.key]: 'canceled',
  });
  // A landing that has begun is brought to its end: in both projects, once.
  await initiative.expectMerged([landing.task.key]);
  await expectWholeEnd(initiative, initiative.pushed, [phase.id, working.task.id]);
  await expectRevoked(initiative, working);
  for (const key of here.keys)
    expect(
      await isContained(await here.hub(key), initiative.pushed[0]?.commit ?? '', initiative.ownBranch),
    ).toBe(false);
});

test('every kill point of a cancel was hit', () => {
  expect([...hit].toSorted()).toEqual([...eventPoints, ...retirePoints].toSorted());
});
