import { expect, test } from 'vitest';
import {
  claim,
  doTask,
  pushFiles,
  pushResolution,
  registerAgent,
  report,
  submit,
  type TestAgent,
} from '../support/agent.ts';
import { filesAt, isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import {
  addProject,
  applyPlan,
  type InitiativePlan,
  stateText,
  type TestProject,
  type Work,
} from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const PHASE = 'refs/heads/signalbox/goal/phase/build';

interface Conflicted {
  readonly api: TestProject;
  readonly work: Work;
  readonly agent: TestAgent;
  /** Of the task whose work is in conflict. */
  readonly id: string;
  readonly head: string;
}

/** `left` has landed, `right` has changed the same line and is handed in. */
async function conflicted(plan: Pick<InitiativePlan, 'mode' | 'limits'>): Promise<Conflicted> {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['left', 'right'] }],
    ...plan,
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(agent, 'left'), await claim(other, 'right')];
  await pushFiles(agent, left, { api: { 'shared.txt': 'left\n' } });
  const { api: head = '' } = await pushFiles(other, right, { api: { 'shared.txt': 'right\n' } });
  await submit(agent, left);
  await work.untilTask('build', 'left', 'completed');
  await submit(other, right);
  await work.untilTask('build', 'right', 'conflicted');
  return { api, work, agent, id: right.task.id, head };
}

/** Nothing that a person or an agent can send brings the phase past the conflict. */
async function expectToWait({ api, work, id, head }: Conflicted): Promise<void> {
  const phase = await work.phase('build');
  for (const type of ['phase.recheck', 'phase.retry', 'phase.waive'])
    expect(await work.refusalOf('phase', phase.id, type)).toMatchObject({ code: 'not_enabled' });
  expect(await work.refusalOf('phase', phase.id, 'phase.approve', { heads: { api: head } })).toMatchObject({
    code: 'not_enabled',
  });
  expect(await work.refusalOf('task', id, 'task.approve', { heads: { api: head } })).toMatchObject({
    code: 'not_enabled',
  });
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
}

test.each(['yolo', 'review_per_phase'] as const)(
  'F2 after a conflict a phase in mode %s waits for the work that conflicts, whatever else is done meanwhile, and lands with it',
  async (mode) => {
    const story = await conflicted({ mode });
    const { api, work, agent, head } = story;
    await expectToWait(story);
    // Something else lands meanwhile: the task in conflict is the only one that is not done.
    const { id } = await work.phase('build');
    await work.tell('phase', id, 'phase.addTask', { key: 'more', title: 'More', priority: 100 });
    await doTask(agent, 'more', { api: { 'more.txt': 'm\n' } });
    await work.untilTask('build', 'more', 'completed');
    expect(stateText((await work.task('build', 'right')).state)).toBe('conflicted');
    await expectToWait(story);

    const merge = await claim(agent, 'merge-2-3');
    await pushResolution(agent, merge, { api: { 'shared.txt': 'left and right\n' } });
    await submit(agent, merge);
    await work.untilTask('build', 'right', 'completed');
    if (mode === 'review_per_phase') await work.approvePhase('build');
    await work.untilPhase('build', 'completed');
    expect(await isContained(api.hub, head, INITIATIVE)).toBe(true);
    expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({
      'shared.txt': 'left and right',
      'more.txt': 'm',
    });
  },
);

test('F2 a conflict that nobody resolves is for a person, who is told so, and the phase is neither landed nor stuck', async () => {
  const story = await conflicted({ mode: 'yolo', limits: { conflicts: 1, attempts: 1 } });
  const { api, work, agent, id, head } = story;
  await report(agent, await claim(agent, 'merge-2-3'), 'fail', { message: 'too difficult' });

  const stuck = await work.untilTask('build', 'right', 'conflict_unresolved');
  expect(stuck.tags).toContain('needs_you');
  const phase = await work.untilPhase('build', 'in_progress.attention');
  expect((await work.explain('phase', phase.id)).reasons.map(({ code }) => code)).toContain(
    'child_needs_you',
  );
  await expectToWait(story);

  await work.tell('task', id, 'task.retry');
  const merge = await claim(agent, 'merge-2-4');
  await pushResolution(agent, merge, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, merge);
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, head, INITIATIVE)).toBe(true);
});

test('F2 only a person who cancels the work in conflict lets its phase land without it, and the commits are kept', async () => {
  const story = await conflicted({ mode: 'yolo' });
  const { api, work, id, head } = story;
  await expectToWait(story);

  await work.tell('task', id, 'task.cancel');

  await work.untilPhase('build', 'completed');
  expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({ 'shared.txt': 'left' });
  expect(await isContained(api.hub, head, INITIATIVE)).toBe(false);
  expect(await isContained(api.hub, head, 'refs')).toBe(true);
});

test('F2 a phase that conflicts with its initiative lands with all of its work or not at all', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    mode: 'yolo',
    limits: { conflicts: 1, attempts: 1 },
    projects: [api],
    phases: [
      { key: 'first', tasks: ['left'] },
      { key: 'build', tasks: ['right'] },
    ],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(one, 'left'), await claim(two, 'right')];
  await pushFiles(one, left, { api: { 'shared.txt': 'left\n' } });
  const { api: head = '' } = await pushFiles(two, right, {
    api: { 'shared.txt': 'right\n', 'r.txt': 'r\n' },
  });
  await submit(one, left);
  await work.untilPhase('first', 'completed');
  const before = await tipOf(api.hub, INITIATIVE);
  await submit(two, right);
  await work.untilPhase('build', 'in_progress.conflicted');

  await report(one, await claim(one, 'merge-2'), 'fail', { message: 'too difficult' });

  const stuck = await work.untilPhase('build', 'conflict_unresolved');
  expect(stuck.tags).toContain('needs_you');
  expect(stateText((await work.tree()).state)).toBe('in_progress.running.attention');
  expect(await tipOf(api.hub, INITIATIVE)).toBe(before);
  // To look again is no way past it.
  await work.tell('phase', stuck.id, 'phase.recheck');
  await work.untilPhase('build', 'conflict_unresolved');
  expect(await tipOf(api.hub, INITIATIVE)).toBe(before);
  await work.tell('phase', stuck.id, 'phase.retry');
  const merge = await claim(one, 'merge-3');
  await pushResolution(one, merge, { api: { 'shared.txt': 'both\n' } });
  await submit(one, merge);
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, head, INITIATIVE)).toBe(true);
  expect(await filesAt(api.hub, PHASE)).toMatchObject({ 'shared.txt': 'both', 'r.txt': 'r' });
});
