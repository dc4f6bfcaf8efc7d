import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type BoundaryPoint, claimPoints, submitPoints, syncPoints } from '../../src/git/boundary.ts';
import { git, isContained } from '../support/git.ts';
import { type Around, type Death, dieAt } from './deaths.ts';
import { Initiative } from './initiative.ts';
import { commitBeside } from './outside.ts';
import { sharedWorlds } from './shared-worlds.ts';
import { until } from '../support/until.ts';
import { type ClaimedTask, unitsOn } from './world.ts';
import { hubCredential } from '../support/hub-credential.ts';

// Each test starts a service again and again and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 300_000 });

const worldOf = sharedWorlds();
const hit = new Set<BoundaryPoint>();
const MAIN = 'refs/heads/main';

const shared = (line: string) => `one\n${line}\nthree\n`;
const sharedLine = (line: string) => (dir: string) => writeFile(join(dir, 'shared.txt'), shared(line));

/** Gives the effects that ran at each of the deaths. */
async function die(
  { here }: Initiative,
  points: readonly BoundaryPoint[],
  begin: () => Promise<unknown>,
  around?: Around,
): Promise<Death['running'][]> {
  const deaths = await dieAt(here, points, begin, around);
  for (const { point } of deaths) hit.add(point);
  return deaths.map(({ running }) => running);
}

/** The commits that a merge task has to merge, as they are pinned. */
async function pinsOf({ here, key }: Initiative, phase: string, task: string): Promise<string[]> {
  const pins: string[] = [];
  for (const project of here.keys) {
    const ref = `refs/heads/signalbox/${key}/merge/${phase}/${task}`;
    pins.push(await git(await here.hub(project), ['for-each-ref', '--format=%(objectname)', ref]));
  }
  return pins.filter((commit) => commit !== '');
}

/** The service dies at each of the points of the claim; the agent comes again with the same key. */
async function claimOver(
  initiative: Initiative,
  points: readonly BoundaryPoint[],
  whileDead?: () => Promise<unknown>,
): Promise<ClaimedTask> {
  const { here } = initiative;
  await until('the merge task can be claimed', async () => {
    const { rowCount } = await here.database.sql.query(
      `SELECT FROM ready_task r JOIN task t ON t.id = r.task_id WHERE r.initiative_id = $1 AND t.category = 'merge'`,
      [initiative.id],
    );
    return rowCount > 0;
  });
  const [agent, key] = [await here.agent(), randomUUID()];
  for (const point of points)
    await die(
      initiative,
      [point],
      () => here.claimAs(agent, key),
      whileDead === undefined ? {} : { whileDead },
    );
  return until('the claim is answered', () => here.claimAs(agent, key));
}

/** Merges what is to be merged and settles the conflict, in each project. */
function resolve(initiative: Initiative, claim: ClaimedTask, line: string): Promise<void> {
  return initiative.work(claim, async (dir, key) => {
    const project = claim.projects.find((found) => found.key === key);
    const pinned = claim.branch.replace('/attempt/', '/merge/').replace(/\/\d+$/, '');
    await git(dir, ['fetch', '--quiet', project?.url ?? '', `refs/heads/${pinned}`], hubCredential(claim));
    await git(dir, ['merge', '--quiet', '--no-edit', project?.merge ?? '']).catch(() => 'in conflict');
    await sharedLine(line)(dir);
  });
}

/** Hands in; the service dies at each of the points, and the agent comes again with the same key. */
async function submitOver(
  initiative: Initiative,
  claim: ClaimedTask,
  points: readonly BoundaryPoint[],
): Promise<void> {
  const key = randomUUID();
  for (const point of points) await die(initiative, [point], () => initiative.here.submit(claim, key));
  await initiative.here.submit(claim, key);
  await initiative.untilTask(claim, 'completed');
}

/** One merge task was made, claimed and handed in, each of it once. */
async function expectResolvedOnce(initiative: Initiative): Promise<void> {
  const made = await initiative.tasksOf('merge');
  expect(made.map(({ state }) => state)).toEqual(['completed']);
  const { rows } = await initiative.here.database.sql.query<{ type: string }>(
    `SELECT type FROM journal WHERE actor_id = $1 AND outcome = 'accepted'
        AND type IN ('task.claim', 'task.submit', 'xstate.done.actor.land') ORDER BY seq`,
    [made[0]?.id],
  );
  expect(rows.map(({ type }) => type)).toEqual(['task.claim', 'task.submit', 'xstate.done.actor.land']);
}

/** Kills the service after the task has met its conflict and before its phase has heard of it. */
async function dieBeforeMergeTask(initiative: Initiative, claim: ClaimedTask): Promise<void> {
  const { here } = initiative;
  const phase = await initiative.untilPhase('one', 'in_progress');
  await here.database.sql.transaction(async (sql) => {
    await sql.query('SELECT FROM actor WHERE id = $1 FOR UPDATE', [phase.id]);
    await here.submit(claim);
    await initiative.untilTask(claim, 'conflicted');
    await here.service?.stop();
    // What the dead service has asked of the server and waits for the lock would be done when it is free.
    await sql.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
  });
  expect(
    await here.database.sql.query(`SELECT FROM task WHERE category = 'merge' AND initiative_id = $1`, [
      initiative.id,
    ]),
  ).toMatchObject({ rowCount: 0 });
  await here.start();
}

test('the conflict of a task is resolved once, whichever step of it a kill cuts off', async () => {
  const initiative = await Initiative.plan(await worldOf(2), 'task', ['a', 'b']);
  const { here } = initiative;
  const [first, second] = [await initiative.claim(), await initiative.claim()];
  await initiative.work(first, sharedLine('first'));
  await initiative.work(second, sharedLine('second'));
  await initiative.land(first);
  await dieBeforeMergeTask(initiative, second);

  const pins: string[][] = [];
  const merge = await claimOver(initiative, claimPoints, async () => {
    const [made] = await here.database.sql
      .query<{ key: string }>(`SELECT key FROM task WHERE category = 'merge' AND initiative_id = $1`, [
        initiative.id,
      ])
      .then(({ rows }) => rows);
    pins.push(await pinsOf(initiative, 'one', made?.key ?? ''));
  });
  const handedIn = initiative.pushed.slice(-2).map(({ commit }) => commit);
  expect(pins).toEqual([[], [], [handedIn[0]]]);
  expect(await pinsOf(initiative, 'one', merge.task.key)).toEqual(handedIn);

  await resolve(initiative, merge, 'both');
  await submitOver(initiative, merge, [...submitPoints, 'between-commits']);
  await initiative.untilTask(second, 'completed');
  await initiative.untilState('pending_review');
  await expectResolvedOnce(initiative);
  await initiative.expectLandedOnce([first.task.key]);
  for (const key of here.keys)
    expect(await git(await here.hub(key), ['show', `${initiative.ownBranch}:shared.txt`])).toBe(
      shared('both').trimEnd(),
    );
});

test('the conflict of a phase with the initiative is resolved once, whichever step of it a kill cuts off', async () => {
  const initiative = await Initiative.plan(await worldOf(2), 'phase', { one: ['a'], two: ['b'] });
  const { here } = initiative;
  const claims = [await initiative.claim(), await initiative.claim()];
  const [a, b] = ['a', 'b'].map((wanted) => claims.find(({ task }) => task.key === wanted));
  if (a === undefined || b === undefined) throw new Error('the tasks are not those of the plan');
  for (const claim of claims) await initiative.work(claim, sharedLine(claim.task.key));
  await here.submit(a);
  await initiative.untilPhase('one', 'completed');
  const tell = (type: string) => here.ask('POST', `/v1/initiatives/${initiative.id}/events`, { type });
  await tell('initiative.pause');
  await initiative.land(b);
  await initiative.untilPhase('two', 'merging');

  const running = await die(initiative, ['before-result'], () => tell('initiative.resume'));
  expect(running).toEqual([['phase.land']]);
  await initiative.untilPhase('two', 'in_progress');
  const merge = await claimOver(initiative, ['between-pins']);
  const tips: string[] = [];
  for (const key of here.keys) tips.push(await git(await here.hub(key), ['rev-parse', initiative.ownBranch]));
  expect(await pinsOf(initiative, 'two', merge.task.key)).toEqual(tips);
  await resolve(initiative, merge, 'both');
  await submitOver(initiative, merge, ['between-keeps', 'before-result']);

  await initiative.untilPhase('two', 'completed');
  await initiative.untilState('pending_review');
  await expectResolvedOnce(initiative);
  for (const key of here.keys) {
    const dir = await here.hub(key);
    expect(await unitsOn(dir, initiative.ownBranch)).toEqual([
      'phase phase/one',
      'phase phase/two',
      'task phase/one/a',
      'task phase/two/b',
    ]);
    for (const { commit } of initiative.pushed.filter(({ project }) => project === key))
      expect(await isContained(dir, commit, initiative.ownBranch)).toBe(true);
  }
});

test('a sync brings each default branch in once, and its conflict is resolved once, whichever step of it a kill cuts off', async () => {
  const initiative = await Initiative.plan(await worldOf(2), 'sync', ['a']);
  const { here } = initiative;
  const claim = await initiative.claim();
  await initiative.work(claim, sharedLine('ours'));
  await here.submit(claim);
  const reviewed = () =>
    until('the review is open', () => here.ask('GET', `/v1/initiatives/${initiative.id}/review`));
  await reviewed();
  const outside: { key: string; commit: string }[] = [];
  const commitOutside = async (files: Readonly<Record<string, string>>) => {
    for (const key of here.keys)
      outside.push({ key, commit: await commitBeside(here.remote(key), MAIN, files) });
  };
  const sync = () => here.ask('POST', `/v1/initiatives/${initiative.id}/events`, { type: 'initiative.sync' });

  await commitOutside({ 'news.txt': 'news\n' });
  const running = await die(initiative, [...syncPoints, 'between-commits', 'before-result'], sync);
  expect(running).toEqual([['initiative.sync'], ['initiative.sync'], ['initiative.sync']]);
  await reviewed();
  const units = ['initiative sync/default', 'phase sync/one', 'task sync/one/a'];
  for (const { key, commit } of outside) {
    const dir = await here.hub(key);
    expect(await unitsOn(dir, initiative.ownBranch)).toEqual(units);
    expect(await isContained(dir, commit, initiative.ownBranch)).toBe(true);
  }

  await commitOutside({ 'shared.txt': shared('theirs') });
  expect(await die(initiative, ['before-result'], sync)).toEqual([['initiative.sync']]);
  const merge = await claimOver(initiative, ['between-pins']);
  expect(merge.projects.map(({ merge: wanted }) => wanted)).toEqual(
    outside.slice(-2).map(({ commit }) => commit),
  );
  await resolve(initiative, merge, 'both');
  await submitOver(initiative, merge, []);
  await reviewed();
  await expectResolvedOnce(initiative);
  await here.approve(initiative.id);
  await initiative.untilState('completed');
  for (const { key, commit } of outside) {
    const found = await unitsOn(here.remote(key), MAIN);
    expect(found.filter((unit) => `${unit}/`.includes(' sync/'))).toEqual([
      'initiative sync',
      ...units.slice(0, 1),
      expect.stringMatching(/^phase sync\/merge-/),
      ...units.slice(1),
    ]);
    expect(await isContained(here.remote(key), commit, MAIN)).toBe(true);
  }
});

test('every kill point of a conflict was hit', () => {
  const points = [...claimPoints, ...submitPoints, ...syncPoints, 'between-commits', 'before-result'];
  expect([...hit].toSorted()).toEqual(points.toSorted());
});
