import { expect, test } from 'vitest';
import type { Claim } from '../../src/services/shapes/agent.ts';
import {
  claim,
  cloneOf,
  doTask,
  push,
  pushFiles,
  pushResolution,
  registerAgent,
  report,
  reportRefusal,
  submit,
  type TestAgent,
} from '../support/agent.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { filesAt, git, isContained, refsOf, tipOf } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { readFiles } from '../support/review.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type InitiativePlan, type TestProject, type Work } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

interface Conflicted {
  readonly api: TestProject;
  readonly work: Work;
  readonly agent: TestAgent;
  /** What the task that does not merge has handed in. */
  readonly head: string;
  readonly taskId: string;
}

/** `left` has landed, `right` changed the same line; `more` is another task of the phase. */
async function conflicted(
  plan: Partial<InitiativePlan> & { more?: readonly string[]; needsReview?: boolean } = {},
): Promise<Conflicted> {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      {
        key: 'build',
        tasks: ['left', { key: 'right', needsReview: plan.needsReview ?? false }, ...(plan.more ?? ['more'])],
      },
    ],
    limits: plan.limits ?? {},
    mode: plan.mode ?? 'review_per_phase',
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(agent, 'left'), await claim(other, 'right')];
  await pushFiles(agent, left, { api: { 'shared.txt': 'left\n' } });
  const { api: head } = await pushFiles(other, right, { api: { 'shared.txt': 'right\n' } });
  await submit(agent, left);
  await work.untilTask('build', 'left', 'completed');
  await submit(other, right);
  if (plan.needsReview === true) await approveTask(work, 'right');
  await work.untilTask('build', 'right', 'conflicted');
  return { api, work, agent, head: head ?? '', taskId: right.task.id };
}

/** Reads the review of a task as a person does, and approves exactly what it serves. */
async function approveTask(work: Work, key: string): Promise<void> {
  const { id } = await work.untilTask('build', key, 'pending_review');
  const { heads } = await work.review('task', id);
  await work.tell('task', id, 'task.approve', { heads });
}

/** Commits on top of what the attempt has pushed, and pushes that. */
async function pushMore(
  agent: TestAgent,
  claimed: Claim,
  project: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const worktree = await cloneOf(agent, claimed, project);
  await git(worktree, ['fetch', '--quiet', 'origin', claimed.branch], hubCredential(claimed));
  await git(worktree, ['reset', '--quiet', '--hard', 'FETCH_HEAD']);
  await commitIn(worktree, files);
  await push(claimed, worktree);
}

test('a merge task that is canceled is followed by another, and after the last one a person is asked', async () => {
  const { api, work, agent, head, taskId } = await conflicted({ limits: { conflicts: 2 } });
  const merge = await claim(agent, 'merge-2-4');
  await work.tell('task', merge.task.id, 'task.cancel');
  await work.untilTask('build', 'merge-2-4', 'canceled');
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({ code: 'lease_over' });
  const second = await claim(agent, 'merge-2-5');
  await work.untilTask('build', 'right', 'conflicted');
  await report(agent, second, 'stop', { reason: 'user_requested' });
  await work.tell('task', second.task.id, 'task.cancel');

  const stuck = await work.untilTask('build', 'right', 'conflict_unresolved');
  expect(stuck.tags).toContain('needs_you');
  expect((await work.explain('task', taskId)).needsYou?.failure?.message).toContain('api:shared.txt');
  await work.untilPhase('build', 'in_progress.attention');

  await work.tell('task', taskId, 'task.retry');
  const again = await claim(agent, 'merge-2-6');
  await pushResolution(agent, again, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'right', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
});

test('a merge task that fails for good is ended, and another one is made', async () => {
  const { work, agent } = await conflicted({ limits: { attempts: 1 } });
  const merge = await claim(agent, 'merge-2-4');
  await report(agent, merge, 'fail', { message: 'too difficult' });

  await work.untilTask('build', 'merge-2-4', 'canceled');
  await work.untilTask('build', 'right', 'conflicted');
  await claim(agent, 'merge-2-5');
});

test('a merge task is told what conflicts in which way, why both sides are as they are, and how to see it', async () => {
  const { api, agent, head } = await conflicted();
  const { conflict, projects } = await claim(agent, 'merge-2-4');
  const tip = await tipOf(api.hub, PHASE);
  const blob = (commit: string) => git(api.hub, ['rev-parse', `${commit}:shared.txt`]);
  const base = await git(api.hub, ['merge-base', tip ?? '', head]);
  const stage = async (commit: string) => ({ mode: '100644', blob: await blob(commit) });

  expect(conflict).toMatchObject({ of: 'task', unit: { kind: 'task', key: 'right', title: 'right' } });
  expect(conflict?.projects).toEqual([
    {
      project: 'api',
      ours: tip,
      theirs: head,
      base,
      ref: 'refs/heads/signalbox/goal/merge/build/merge-2-4',
      files: [
        {
          path: 'shared.txt',
          type: 'CONFLICT (contents)',
          message: expect.stringContaining('shared.txt'),
          stages: { base: await stage(base), ours: await stage(tip ?? ''), theirs: await stage(head) },
        },
      ],
      moreFiles: 0,
      intents: [
        expect.objectContaining({ side: 'ours', unit: expect.objectContaining({ key: 'left' }) }),
        expect.objectContaining({ side: 'theirs', commit: head, unit: null }),
      ],
      commands: expect.arrayContaining([`git merge --no-ff ${head}`]),
    },
  ]);
  expect(projects).toMatchObject([{ key: 'api', merge: head }]);
});

test('the commands of a conflict show it in the clone of its agent', async () => {
  const { agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const worktree = await cloneOf(agent, merge);
  const [fetch = '', checkout = '', merging = '', unmerged = ''] =
    merge.conflict?.projects[0]?.commands ?? [];
  const run = (command: string) => git(worktree, command.split(' ').slice(1), hubCredential(merge));
  await run(fetch);
  await run(checkout);
  await expect(run(merging)).rejects.toThrow('git merge');
  expect((await run(unmerged)).split('\n')).toHaveLength(3);
});

test('a merge task is not handed in without the commits whose conflict it resolves', async () => {
  const { api, work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const before = await tipOf(api.hub, PHASE);
  await pushFiles(agent, merge, { api: { 'shared.txt': 'I know better\n' } });

  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_not_resolved',
    details: { projects: ['api'] },
  });
  expect(await reportRefusal(agent, merge, 'submit', { noChanges: 'nothing to see' })).toMatchObject({
    code: 'conflict_not_resolved',
  });

  expect(await tipOf(api.hub, PHASE)).toBe(before);
  await work.untilTask('build', 'merge-2-4', 'in_progress.working');
  await work.untilTask('build', 'right', 'conflicted');
});

test('a merge task that the tip has outrun is told to merge again, and lands after it did', async () => {
  const { api, work, agent, head } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const [project] = merge.projects;
  const worktree = await cloneOf(agent, merge);
  await git(worktree, ['merge', '--quiet', '--no-edit', project?.merge ?? '']).catch(() => undefined);
  await commitIn(worktree, { 'shared.txt': 'both\n' });
  await push(merge, worktree);
  // Another task of the phase lands meanwhile.
  const other = await registerAgent(agent.service, 'three');
  const more = await claim(other, 'more');
  await pushFiles(other, more, { api: { 'more.txt': 'more\n' } });
  await submit(other, more);
  await work.untilTask('build', 'more', 'completed');

  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'tip_moved',
    details: { projects: ['api'], ref: PHASE },
  });

  await git(worktree, ['fetch', '--quiet', 'origin', PHASE], hubCredential(merge));
  await git(worktree, ['merge', '--quiet', '--no-edit', 'FETCH_HEAD']);
  await push(merge, worktree);
  await submit(agent, merge);
  await work.untilTask('build', 'right', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
  expect(await filesAt(api.hub, PHASE)).toEqual({ 'shared.txt': 'both', 'more.txt': 'more' });
});

test('a resolution with conflict markers in it, or without the change of one side, is not handed in', async () => {
  const { api, work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  await pushResolution(agent, merge, {
    api: { 'shared.txt': '<<<<<<< HEAD\nleft\n=======\nright\n>>>>>>> x\n' },
  });
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_markers_left',
    details: { files: [{ project: 'api', path: 'shared.txt', fault: 'markers' }], more: 0 },
  });

  await pushMore(agent, merge, 'api', { 'shared.txt': 'left\n' });
  expect(await reportRefusal(agent, merge, 'submit', { oneSided: '' })).toMatchObject({
    code: 'invalid_request',
  });
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_side_dropped',
    details: { files: [{ project: 'api', path: 'shared.txt', fault: 'theirs_dropped' }], more: 0 },
  });
  await work.untilTask('build', 'merge-2-4', 'in_progress.working');

  await submit(agent, merge, { oneSided: 'their line is obsolete' });
  await work.untilTask('build', 'right', 'completed');
  expect(await filesAt(api.hub, PHASE)).toMatchObject({ 'shared.txt': 'left' });
  const submitted = (await work.journal('task', merge.task.id)).find(({ type }) => type === 'task.submit');
  expect(submitted?.event).toMatchObject({ oneSided: 'their line is obsolete' });
});

test('a merge task of two projects is handed in when both are merged well, and each that is not is named', async () => {
  const service = await startTestService();
  const base = { 'shared.txt': 'base\n' };
  const [api, web] = [await addProject(service, 'api', base), await addProject(service, 'web', base)];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['left', 'right'] }],
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(agent, 'left'), await claim(other, 'right')];
  for (const [who, claimed] of [
    [agent, left],
    [other, right],
  ] as const) {
    const own = { 'shared.txt': `${claimed.task.key}\n` };
    await pushFiles(who, claimed, { api: own, web: own });
  }
  await submit(agent, left);
  await work.untilTask('build', 'left', 'completed');
  await submit(other, right);
  await work.untilTask('build', 'right', 'conflicted');

  const merge = await claim(agent, 'merge-2-3');
  const only = (project: string) => ({
    ...merge,
    projects: merge.projects.filter(({ key }) => key === project),
  });
  await pushResolution(agent, only('api'), { api: { 'shared.txt': 'both\n' } });
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_not_resolved',
    details: { projects: ['web'] },
  });
  // Committed as git left it.
  await pushResolution(agent, only('web'), {});
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_markers_left',
    details: { files: [{ project: 'web', path: 'shared.txt', fault: 'markers' }], more: 0 },
  });

  await pushMore(agent, merge, 'web', { 'shared.txt': 'both\n' });
  await submit(agent, merge);
  await work.untilTask('build', 'right', 'completed');
  for (const project of [api, web])
    expect(await filesAt(project.hub, PHASE)).toMatchObject({ 'shared.txt': 'both' });
});

test('the next attempt is not told to go on with a resolution in which the change of one side is gone', async () => {
  const { api, work, agent, head } = await conflicted();
  const bad = await claim(agent, 'merge-2-4');
  const worktree = await cloneOf(agent, bad);
  await git(worktree, ['merge', '--quiet', '--no-edit', '--strategy=ours', head]);
  await push(bad, worktree);
  expect(await reportRefusal(agent, bad, 'submit')).toMatchObject({ code: 'conflict_side_dropped' });
  await report(agent, bad, 'fail', { message: 'too difficult' });

  const next = await claim(agent, 'merge-2-4');
  expect(next.task.attempt).toBe(2);
  expect(next.projects.map(({ merge }) => merge)).toEqual([head]);
  await pushResolution(agent, next, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, next);
  await work.untilTask('build', 'right', 'completed');
  expect(await filesAt(api.hub, PHASE)).toMatchObject({ 'shared.txt': 'both' });
});

test('a merge task that was outrun three times is waited for: nothing else is landed until it has', async () => {
  const { api, work, agent } = await conflicted({ more: ['more-1', 'more-2', 'more-3', 'last'] });
  const merge = await claim(agent, 'merge-2-7');
  const worktree = await cloneOf(agent, merge);
  const merging = async (what: string) => {
    await git(worktree, ['fetch', '--quiet', 'origin', PHASE], hubCredential(merge));
    await git(worktree, ['merge', '--quiet', '--no-edit', what]).catch(() => undefined);
    await push(merge, worktree);
  };
  await git(worktree, ['merge', '--quiet', '--no-edit', merge.projects[0]?.merge ?? '']).catch(
    () => undefined,
  );
  await commitIn(worktree, { 'shared.txt': 'both\n' });
  await push(merge, worktree);
  const other = await registerAgent(agent.service, 'three');
  const outrun = async (key: string) => {
    const claimed = await claim(other, key);
    await pushFiles(other, claimed, { api: { [`${key}.txt`]: 'more\n' } });
    await submit(other, claimed);
    return claimed;
  };
  const refusals = [];
  for (const key of ['more-1', 'more-2', 'more-3']) {
    await outrun(key);
    await work.untilTask('build', key, 'completed');
    refusals.push(await reportRefusal(agent, merge, 'submit'));
    await merging('FETCH_HEAD');
  }
  expect(refusals.map(({ code, details }) => [code, details?.['waits']])).toEqual([
    ['tip_moved', false],
    ['tip_moved', false],
    ['tip_moved', true],
  ]);

  const last = await outrun('last');
  const why = await until('the landing to say what it waits for', async () => {
    const { reasons } = await work.explain('task', last.task.id);
    return reasons.find(({ text }) => text.includes('waiting for task merge-2-7')) ?? null;
  });
  expect(why.code).toBe('effect_ready');
  expect((await work.explain('task', merge.task.id)).reasons.map(({ code }) => code)).toContain('lane_held');
  expect((await work.task('build', 'last')).state).toBe('merging');

  await submit(agent, merge);
  await work.untilTask('build', 'merge-2-7', 'completed');
  await work.untilTask('build', 'last', 'completed');
  expect(Object.keys(await filesAt(api.hub, PHASE)).toSorted()).toEqual([
    'last.txt',
    'more-1.txt',
    'more-2.txt',
    'more-3.txt',
    'shared.txt',
  ]);
});

test('a merge task that is outrun at the landing is waited for as well, with its next attempt', async () => {
  const { work, agent } = await conflicted({ more: ['more', 'last'] });
  const { gates, database } = agent.service;
  const merge = await claim(agent, 'merge-2-5');
  // Its submits were outrun twice.
  await database.sql.query('UPDATE attempt SET outruns = 2 WHERE lease_id = $1', [merge.lease.id]);
  const other = await registerAgent(agent.service, 'three');
  const more = await claim(other, 'more');
  await pushFiles(other, more, { api: { 'more.txt': 'more\n' } });
  await pushResolution(agent, merge, { api: { 'shared.txt': 'both\n' } });
  const held = gates.hold('before-merge');
  await submit(other, more);
  await held.reached;
  await submit(agent, merge);
  held.release();

  const again = await claim(agent, 'merge-2-5');
  expect(again.task.attempt).toBe(2);
  expect((await work.explain('task', merge.task.id)).reasons.map(({ code }) => code)).toContain('lane_held');
  const last = await claim(other, 'last');
  await pushFiles(other, last, { api: { 'last.txt': 'last\n' } });
  await submit(other, last);
  await until('the landing to say what it waits for', async () => {
    const { reasons } = await work.explain('task', last.task.id);
    return reasons.find(({ text }) => text.includes('waiting for task merge-2-5')) ?? null;
  });
  await pushResolution(agent, again, { api: {} });
  await submit(agent, again);
  await work.untilTask('build', 'right', 'completed');
  await work.untilTask('build', 'last', 'completed');
});

test('a branch does not wait for a task that has lost its lease', async () => {
  const { work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const { sql } = agent.service.database;
  await sql.query(
    `INSERT INTO lane_hold (task_id, lease_id, ref, project_ids, until)
     SELECT $1, $2, $3, array_agg(id::text), db_now() + interval '1 hour' FROM project`,
    [merge.task.id, merge.lease.id, PHASE],
  );
  const other = await registerAgent(agent.service, 'three');
  const more = await claim(other, 'more');
  await pushFiles(other, more, { api: { 'more.txt': 'more\n' } });
  await submit(other, more);
  await until('the landing to wait', async () => {
    const { reasons } = await work.explain('task', more.task.id);
    return reasons.find(({ text }) => text.includes('waiting for task merge-2-4')) ?? null;
  });

  await report(agent, merge, 'stop', { reason: 'crashed' });

  await work.untilTask('build', 'more', 'completed');
});

test('canceling a task in conflict ends its merge task too, and its commits are kept', async () => {
  const { api, work, agent, head, taskId } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');

  await work.tell('task', taskId, 'task.cancel');

  await work.untilTask('build', 'right', 'canceled');
  await work.untilTask('build', 'merge-2-4', 'canceled');
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({ code: 'lease_over' });
  expect(Object.values(await refsOf(api.hub, `refs/signalbox/backup/${taskId}`))).toContain(head);
  expect(await isContained(api.hub, head, PHASE)).toBe(false);
});

test('an agent that gives up a merge task is followed by another one', async () => {
  const { work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  await report(agent, merge, 'fail', { code: 'too_hard', message: 'I do not understand either side.' });
  expect(await work.untilTask('build', 'merge-2-4', 'queued')).toMatchObject({
    failure: { code: 'too_hard' },
  });

  const again = await claim(agent, 'merge-2-4');
  expect(again.task.attempt).toBe(2);
  await pushResolution(agent, again, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'right', 'completed');
});

test('the resolution of a task that is reviewed by itself waits for its reviewer, and nobody who has not seen it lands it', async () => {
  const { api, work, agent, head } = await conflicted({ mode: 'yolo', needsReview: true });
  const merge = await claim(agent, 'merge-2-4');
  const { id } = merge.task;
  const before = await tipOf(api.hub, PHASE);
  const first = await pushResolution(agent, merge, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, merge);

  await work.untilTask('build', 'merge-2-4', 'pending_review');
  expect((await work.review('task', id)).heads).toEqual(first);
  const { files } = await readFiles(work, 'task', id);
  expect(files.map(({ path, tasks }) => [path, tasks.map(({ key }) => key)])).toEqual([
    ['shared.txt', ['merge-2-4']],
  ]);
  const comments = [{ project: 'api', file: 'shared.txt', line: 1, text: 'Name both.' }];
  await work.tell('task', id, 'task.requestChanges', { summary: 'Nearly.', comments });

  const second = await claim(agent, 'merge-2-4');
  expect(second.comments).toMatchObject(comments);
  const named = await pushResolution(agent, second, { api: { 'shared.txt': 'left and right\n' } });
  await submit(agent, second);
  await work.untilTask('build', 'merge-2-4', 'pending_review');
  expect(await work.refusalOf('task', id, 'task.approve', { heads: first })).toMatchObject({
    code: 'heads_not_served',
  });
  expect(await tipOf(api.hub, PHASE)).toBe(before);

  // While a person looks at it, another task of the phase lands.
  await doTask(await registerAgent(agent.service, 'three'), 'more', { api: { 'more.txt': 'more\n' } });
  await work.untilTask('build', 'more', 'completed');
  const reasons = async () => (await work.explain('task', id)).reasons.map(({ code }) => code);
  expect(await reasons()).toContain('outrun');
  await work.tell('task', id, 'task.approve', { heads: named });
  await work.untilTask('build', 'merge-2-4', 'queued');
  expect(await reasons()).toContain('outrun');

  const third = await claim(agent, 'merge-2-4');
  const again = await pushResolution(agent, third, {});
  await submit(agent, third);
  await work.untilTask('build', 'merge-2-4', 'pending_review');
  expect(await reasons()).not.toContain('outrun');
  expect(await isContained(api.hub, head, PHASE)).toBe(false);
  await work.tell('task', id, 'task.approve', { heads: again });

  await work.untilTask('build', 'merge-2-4', 'completed');
  await work.untilTask('build', 'right', 'completed');
  await work.untilPhase('build', 'completed');
  expect(await filesAt(api.hub, PHASE)).toEqual({ 'shared.txt': 'left and right', 'more.txt': 'more' });
});
