import { expect, test } from 'vitest';
import {
  claim,
  doTask,
  pushFiles,
  pushResolution,
  registerAgent,
  submit,
  type TestAgent,
} from '../support/agent.ts';
import { countMerges, filesAt, isContained, tipOf } from '../support/git.ts';
import { loseTree } from '../support/lost-tree.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, stateText, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const PHASE = 'refs/heads/signalbox/goal/phase/build';

/** Hands in a commit that git can not merge: it dies, and names no file. Another task lands first, or git had nothing to merge. */
async function handInUnmergeable(
  service: TestService,
  work: Work,
  agent: TestAgent,
  { hub }: TestProject,
  task: string,
): Promise<{ head: string; mend: () => Promise<void> }> {
  const claimed = await claim(agent, task);
  await doTask(await registerAgent(service, 'faster'), 'ahead', { api: { 'ahead.ts': 'a\n' } });
  await work.untilTask('build', 'ahead', 'completed');
  const heads = await pushFiles(agent, claimed, { api: { [`${task}.ts`]: 'in\n' } });
  const landing = service.gates.hold('before-merge');
  await submit(agent, claimed);
  await landing.reached;
  const head = heads['api'] ?? '';
  const mend = await loseTree(hub, head);
  landing.release();
  return { head, mend };
}

test('F1 a finished revision task brings the phase back to review, in the next round, and it is landed with the revision', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  const first = await work.review('phase', id);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Once more.' });

  const { heads } = await doTask(agent, 'revision-1', { api: { 'login.ts': 'in again\n' } });

  const phase = await work.untilPhase('build', 'pending_review.open');
  expect(phase.round).toBe(2);
  const second = await work.review('phase', id);
  expect(second).toMatchObject({ round: 2, heads: { api: heads['api'] } });
  expect(second.heads).not.toEqual(first.heads);
  expect(second.rounds).toEqual([expect.objectContaining({ round: 1, summary: 'Once more.' })]);
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(true);
});

test('F3 a phase is not merged while a task merge is still running, and then once', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [{ key: 'build', tasks: ['one', 'two'] }],
  });
  const agent = await registerAgent(service);
  const start = await api.remote.tip();
  await doTask(agent, 'one', { api: { 'one.txt': '1\n' } });
  await work.untilTask('build', 'one', 'completed');
  const held = service.gates.hold('after-intents');
  const { heads } = await doTask(agent, 'two', { api: { 'two.txt': '2\n' } });
  await held.reached;

  // Every task is handed in, and the last of them is still on its way to the branch of the phase.
  expect(stateText((await work.task('build', 'two')).state)).toBe('merging');
  expect(stateText((await work.phase('build')).state)).toBe('in_progress.working');
  const { id } = await work.phase('build');
  expect(await work.refusalOf('phase', id, 'phase.recheck')).toMatchObject({ code: 'not_enabled' });
  held.release();

  await work.untilPhase('build', 'completed');
  await work.untilState('pending_review.open');
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(true);
  // One merge for each task, one for the phase.
  expect(await countMerges(api.hub, `${start}..${INITIATIVE}`)).toBe(3);
});

test('F4 a merge that fails without any conflict file does not count as merged', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'ahead'] }],
  });
  const agent = await registerAgent(service);
  const { head, mend } = await handInUnmergeable(service, work, agent, api, 'login');
  const before = await tipOf(api.hub, PHASE);

  const task = await work.untilTask('build', 'login', 'failed');
  expect(task.failure).toMatchObject({ code: 'git_failed' });
  expect(await tipOf(api.hub, PHASE)).toBe(before);
  const phase = await work.untilPhase('build', 'in_progress.attention');
  expect(phase.tags).toContain('needs_you');
  // The work is kept, and lands when git can read it again.
  expect(await isContained(api.hub, head, 'refs/signalbox/keep')).toBe(true);
  await mend();
  await work.tell('task', task.id, 'task.retry');
  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
});

test('F5 the failure of one task stays to be seen when the next one completes, and the phase does not go on without it', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [{ key: 'build', tasks: ['broken', 'ahead', 'fine'] }],
  });
  const agent = await registerAgent(service);
  await handInUnmergeable(service, work, agent, api, 'broken');
  await work.untilTask('build', 'broken', 'failed');

  await doTask(agent, 'fine', { api: { 'fine.ts': 'y\n' } });
  await work.untilTask('build', 'fine', 'completed');

  const phase = await work.untilPhase('build', 'in_progress.attention');
  expect(
    phase.tasks.map(({ key, state, failure }) => [key, stateText(state), failure?.code ?? null]),
  ).toEqual([
    ['broken', 'failed', 'git_failed'],
    ['ahead', 'completed', null],
    ['fine', 'completed', null],
  ]);
  const { reasons } = await work.explain('phase', phase.id);
  expect(reasons.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['children_open', 'child_needs_you']),
  );
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());

  // A person waives it: only then does the phase land, without it.
  const { id } = await work.task('build', 'broken');
  await work.tell('task', id, 'task.waive');
  await work.untilPhase('build', 'completed');
  expect(Object.keys(await filesAt(api.hub, INITIATIVE))).toEqual(['README.md', 'ahead.ts', 'fine.ts']);
});

test('F6 a task over two projects lands in both or in none, the conflict is on record, and the retry brings both', async () => {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api'),
    await addProject(service, 'web', { 'shared.txt': 'base\n' }),
  ];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['left', 'right'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(one, 'left'), await claim(two, 'right')];
  await pushFiles(one, left, { web: { 'shared.txt': 'left\n' } });
  const heads = await pushFiles(two, right, { api: { 'right.ts': 'r\n' }, web: { 'shared.txt': 'right\n' } });
  await submit(one, left);
  await work.untilTask('build', 'left', 'completed');
  const before = [await tipOf(api.hub, PHASE), await tipOf(web.hub, PHASE)];

  await submit(two, right);

  await work.untilTask('build', 'right', 'conflicted');
  expect([await tipOf(api.hub, PHASE), await tipOf(web.hub, PHASE)]).toEqual(before);
  const merge = await claim(one, 'merge-2-3');
  expect(
    merge.conflict?.projects.map(({ project, files }) => ({ project, files: files.map(({ path }) => path) })),
  ).toEqual([
    { project: 'api', files: [] },
    { project: 'web', files: ['shared.txt'] },
  ]);
  expect(merge.projects.map(({ key, merge: source }) => [key, source])).toEqual([
    ['api', heads['api']],
    ['web', heads['web']],
  ]);
  await pushResolution(one, merge, { web: { 'shared.txt': 'both\n' } });
  await submit(one, merge);
  await work.untilTask('build', 'right', 'completed');
  for (const project of [api, web])
    expect(await isContained(project.hub, heads[project.key] ?? '', PHASE)).toBe(true);
});

test('F6 a phase over two projects lands in both or in none, says which conflict stopped it, and lands when it is gone', async () => {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api'),
    await addProject(service, 'web', { 'shared.txt': 'base\n' }),
  ];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [
      { key: 'one', tasks: ['left'] },
      { key: 'two', tasks: ['right'] },
    ],
  });
  const [first, second] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(first, 'left'), await claim(second, 'right')];
  await pushFiles(first, left, { web: { 'shared.txt': 'left\n' } });
  const heads = await pushFiles(second, right, {
    api: { 'right.ts': 'r\n' },
    web: { 'shared.txt': 'right\n' },
  });
  await submit(first, left);
  await submit(second, right);
  await work.approvePhase('one');
  await work.untilPhase('one', 'completed');
  const before = [await tipOf(api.hub, INITIATIVE), await tipOf(web.hub, INITIATIVE)];

  await work.approvePhase('two');

  const conflicted = await work.untilPhase('two', 'in_progress.conflicted');
  expect(conflicted.failure).toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('web:shared.txt'),
  });
  expect([await tipOf(api.hub, INITIATIVE), await tipOf(web.hub, INITIATIVE)]).toEqual(before);

  // A merge task where it conflicts; what it has made of it is reviewed, and both projects land.
  const merge = await claim(first, 'merge-2');
  expect(merge.projects.map(({ key }) => key)).toEqual(['web']);
  await pushResolution(first, merge, { web: { 'shared.txt': 'left and right\n' } });
  await submit(first, merge);
  await work.approvePhase('two');
  await work.untilPhase('two', 'completed');
  for (const project of [api, web])
    expect(await isContained(project.hub, heads[project.key] ?? '', INITIATIVE)).toBe(true);
});

test('F7 a phase that touched only one of its projects is merged', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const { heads } = await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  expect((await work.review('phase', id)).heads).toEqual({ api: expect.any(String), web: null });

  await work.approvePhase('build');

  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(true);
  expect(await tipOf(web.hub, INITIATIVE)).toBe(await web.remote.tip());
  await work.approve();
  await work.untilState('completed');
  expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
  expect(await web.remote.tip('signalbox/goal')).toBeNull();
});

test('F12 renaming phases and tasks at any time leaves branches and work where they are', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);
  const { heads } = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilTask('build', 'login', 'completed');
  const phase = await work.phase('build');
  const claimed = await claim(agent, 'logout');

  await work.tell('phase', phase.id, 'phase.rename', { title: 'Something else entirely' });
  await work.tell('task', claimed.task.id, 'task.rename', { title: 'Sign out' });
  await work.tell('initiative', work.id, 'initiative.rename', { title: 'Another goal' });
  expect((await work.tree()).phases.map(({ key, branch }) => [key, branch])).toEqual([
    ['build', phase.branch],
  ]);
  expect((await claim(agent)).task).toEqual({ ...claimed.task, title: 'Sign out' });
  const later = await pushFiles(agent, claimed, { api: { 'logout.ts': 'out\n' } });
  await submit(agent, claimed);

  const renamed = await work.untilPhase('build', 'pending_review.open');
  expect([renamed.title, renamed.key, renamed.branch]).toEqual([
    'Something else entirely',
    'build',
    phase.branch,
  ]);
  expect((await work.task('build', 'logout')).title).toBe('Sign out');
  await work.tell('phase', phase.id, 'phase.rename', { title: 'And again' });
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  for (const head of [heads['api'], later['api']])
    expect(await isContained(api.hub, head ?? '', INITIATIVE)).toBe(true);
  expect((await work.tree()).title).toBe('Another goal');
});

test('F13 an empty phase and a canceled one do not keep their initiative from completing', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'empty', tasks: [] },
      { key: 'dropped', tasks: ['never'] },
      { key: 'after', dependsOn: ['empty', 'dropped'], tasks: ['last'] },
    ],
  });
  const { id } = await work.phase('dropped');
  await work.tell('phase', id, 'phase.cancel', { dependents: 'release' });
  await work.untilPhase('dropped', 'canceled');
  await work.approvePhase('empty');
  await work.untilPhase('empty', 'completed');

  const { heads } = await doTask(await registerAgent(service), 'last', { api: { 'last.txt': 'l\n' } });
  await work.approvePhase('after');
  await work.approve();

  await work.untilState('completed');
  expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
});

test('F13 an initiative whose phases are all empty or canceled still comes to its end', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      { key: 'empty', tasks: [] },
      { key: 'dropped', tasks: ['never'] },
    ],
  });
  const { id } = await work.phase('dropped');
  await work.tell('phase', id, 'phase.cancel');

  await work.approve();

  const done = await until('the end', async () => {
    const tree = await work.tree();
    return tree.tags.includes('settled') ? tree : null;
  });
  expect(stateText(done.state)).toBe('completed');
  expect(await api.remote.tip('signalbox/goal')).toBeNull();
});
