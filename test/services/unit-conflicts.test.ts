import { expect, test } from 'vitest';
import {
  claim,
  doTask,
  pushFiles,
  pushResolution,
  registerAgent,
  report,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { filesAt, isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type InitiativePlan } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';

/** Two phases changed the same line in `web`; the second is approved, and has met the conflict. */
async function phaseConflict(plan: Pick<InitiativePlan, 'mode' | 'limits'> = {}) {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api'),
    await addProject(service, 'web', { 'shared.txt': 'base\n' }),
  ];
  const work = await applyPlan(service, {
    ...plan,
    projects: [api, web],
    phases: [
      { key: 'one', tasks: ['left'] },
      { key: 'two', tasks: ['right'] },
    ],
  });
  const [first, second] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(first, 'left'), await claim(second, 'right')];
  await pushFiles(first, left, { web: { 'shared.txt': 'left\n' } });
  await pushFiles(second, right, { api: { 'a.ts': 'a\n' }, web: { 'shared.txt': 'right\n' } });
  await submit(first, left);
  if (plan.mode !== 'yolo') await work.approvePhase('one');
  await work.untilPhase('one', 'completed');
  await submit(second, right);
  if (plan.mode !== 'yolo') await work.approvePhase('two');
  await work.untilPhase('two', 'in_progress.conflicted');
  return { service, api, web, work, agent: first };
}

test('a phase that conflicts gets a merge task: what it has made of it is reviewed, though the phase was approved before', async () => {
  const { web, work, agent } = await phaseConflict();
  const merge = await claim(agent, 'merge-2');
  const target = await tipOf(web.hub, INITIATIVE);
  expect(merge.task.title).toBe('Merge the initiative into the phase');
  expect(merge.conflict).toMatchObject({
    of: 'phase',
    unit: { kind: 'phase', key: 'two' },
    projects: [
      {
        project: 'web',
        theirs: target,
        files: [{ path: 'shared.txt', type: 'CONFLICT (contents)' }],
        intents: [
          { side: 'ours', unit: { kind: 'task', key: 'right' } },
          { side: 'theirs', unit: { kind: 'phase', key: 'one' } },
        ],
      },
    ],
  });
  expect(await reportRefusal(agent, merge, 'submit', { noChanges: 'nothing to do' })).toMatchObject({
    code: 'conflict_not_resolved',
    details: { projects: ['web'] },
  });
  await pushResolution(agent, merge, { web: { 'shared.txt': 'left and right\n' } });
  await submit(agent, merge);

  const { id } = await work.untilPhase('two', 'pending_review.open');
  expect(await tipOf(web.hub, INITIATIVE)).toBe(target);
  expect((await work.review('phase', id)).heads['web']).toBe(
    await tipOf(web.hub, 'refs/heads/signalbox/goal/phase/two'),
  );
  await work.approvePhase('two');
  await work.untilPhase('two', 'completed');
  expect(await filesAt(web.hub, INITIATIVE)).toMatchObject({ 'shared.txt': 'left and right' });
});

test('in yolo mode a phase lands by itself once its conflict is resolved', async () => {
  const { api, web, work, agent } = await phaseConflict({ mode: 'yolo' });
  const merge = await claim(agent, 'merge-2');
  await pushResolution(agent, merge, { web: { 'shared.txt': 'left and right\n' } });
  await submit(agent, merge);

  await work.untilPhase('two', 'completed');
  expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({ 'a.ts': 'a' });
  expect(await filesAt(web.hub, INITIATIVE)).toMatchObject({ 'shared.txt': 'left and right' });
  await work.untilState('pending_review.open');
});

test('the conflict of a phase that nobody resolves is left to a person, who has another merge task made', async () => {
  const { work, agent } = await phaseConflict({ mode: 'yolo', limits: { conflicts: 1, attempts: 1 } });
  const merge = await claim(agent, 'merge-2');
  await pushFiles(agent, merge, { web: { 'notes.txt': 'too difficult\n' } });
  await agent.service.post(agent.token, `/v1/agents/${agent.id}/fail`, { lease: merge.lease.id });

  const stuck = await work.untilPhase('two', 'conflict_unresolved');
  expect(stuck.tags).toContain('needs_you');
  await work.tell('phase', stuck.id, 'phase.retry');
  const again = await claim(agent, 'merge-3');
  await pushResolution(agent, again, { web: { 'shared.txt': 'left and right\n' } });
  await submit(agent, again);
  await work.untilPhase('two', 'completed');
});

test('a merge task that waits for a person is shown by its phase and its initiative; canceled by hand, it is followed by another one', async () => {
  const { work, agent } = await phaseConflict();
  const held = await claim(agent, 'merge-2');
  await report(agent, held, 'stop', { reason: 'user_requested' });
  const stuck = await work.untilPhase('two', 'in_progress.conflict_attention');
  await work.untilState('in_progress.running.attention');
  expect(stuck.tags).toContain('needs_you');
  for (const [said, child] of [
    [await work.explain('phase', stuck.id), held.task.id],
    [await work.explain('initiative', work.id), stuck.id],
  ] as const) {
    expect(said.needsYou?.text).toContain('for a person: the reasons name');
    expect(said.reasons).toContainEqual(
      expect.objectContaining({ code: 'child_needs_you', refers: [child] }),
    );
  }
  await work.tell('task', held.task.id, 'task.resume');
  await work.untilPhase('two', 'in_progress.conflicted');
  await work.untilState('in_progress.running.steady');

  const merge = await claim(agent, 'merge-2');
  await work.tell('task', merge.task.id, 'task.cancel');
  await work.untilTask('two', 'merge-2', 'canceled');
  // Nobody reviews the conflict meanwhile.
  const again = await claim(agent, 'merge-3');
  await work.untilPhase('two', 'in_progress.conflicted');
  await pushResolution(agent, again, { web: { 'shared.txt': 'left and right\n' } });
  await submit(agent, again);
  await work.approvePhase('two');
  await work.untilPhase('two', 'completed');
});

test('a default branch that conflicts gets a phase whose merge is reviewed with the initiative, and delivered', async () => {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api'),
    await addProject(service, 'web', { 'shared.txt': 'base\n' }),
  ];
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [
      { project: api, strategy: 'merge_and_push' },
      { project: web, strategy: 'merge_and_push' },
    ],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const agent = await registerAgent(service, 'one');
  const { heads } = await doTask(agent, 'login', { api: { 'a.ts': 'a\n' }, web: { 'shared.txt': 'ours\n' } });
  await work.untilState('pending_review.open');
  const theirs = await web.remote.commit({ 'shared.txt': 'theirs\n' });
  const untouched = await api.remote.tip();
  await work.approve();

  const merge = await claim(agent, 'merge-1');
  expect(merge.projects).toMatchObject([{ key: 'web', merge: theirs }]);
  expect(await web.remote.tip()).toBe(theirs);
  expect(await api.remote.tip()).toBe(untouched);
  await pushResolution(agent, merge, { web: { 'shared.txt': 'ours and theirs\n' } });
  await submit(agent, merge);
  await work.untilPhase('merge-2', 'completed');
  await work.untilState('pending_review.open');

  await work.approve();

  await work.untilState('completed');
  for (const project of [api, web])
    expect(await isContained(project.remote.dir, heads[project.key] ?? '', 'refs/heads/main')).toBe(true);
  expect(await filesAt(web.remote.dir, 'refs/heads/main')).toMatchObject({ 'shared.txt': 'ours and theirs' });
});
