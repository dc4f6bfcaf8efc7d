import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';

test('R6 in yolo mode a phase whose tasks are all done is merged into the initiative and completes', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);

  const login = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const logout = await doTask(agent, 'logout', { api: { 'logout.ts': 'out\n' } });

  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, login.heads['api'] ?? '', INITIATIVE)).toBe(true);
  expect(await isContained(api.hub, logout.heads['api'] ?? '', INITIATIVE)).toBe(true);
});

test('R6 in review_per_phase mode a phase whose tasks are all done waits for a reviewer, and nothing is merged yet', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'in\n' } });

  const phase = await work.untilPhase('build', 'pending_review.open');
  expect(phase.tags).toContain('needs_you');
  const tip = await tipOf(api.hub, 'refs/heads/signalbox/goal/phase/build');
  expect(await work.review('phase', phase.id)).toMatchObject({
    round: 1,
    heads: { api: tip },
    base: { api: await api.remote.tip() },
  });
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
});

test('R7 an approved phase is merged and completes, and the phases that waited for it start', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'build', tasks: ['login'] },
      { key: 'polish', dependsOn: ['build'], tasks: ['style'] },
    ],
  });
  const agent = await registerAgent(service);
  const { heads } = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('polish', 'blocked');

  await work.approvePhase('build');

  await work.untilPhase('build', 'completed');
  await work.untilPhase('polish', 'in_progress');
  expect(await isContained(api.hub, heads['api'] ?? '', 'refs/heads/signalbox/goal/phase/polish')).toBe(true);
  await doTask(agent, 'style', { api: { 'style.css': 'blue\n' } });
  await work.untilTask('polish', 'style', 'completed');
});

test('R9 a phase that was agreed to survives a restart and starts when it is unblocked', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      { key: 'build', tasks: ['login'] },
      { key: 'polish', draft: true, dependsOn: ['build'], tasks: ['style'] },
    ],
  });
  const { id } = await work.untilPhase('polish', 'draft');
  await work.tell('phase', id, 'phase.approvePlan');
  await work.untilPhase('polish', 'blocked');

  await service.stop();
  await service.start();

  await work.untilPhase('polish', 'blocked');
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('build', 'completed');
  await work.untilPhase('polish', 'in_progress');
  await doTask(agent, 'style', { api: { 'style.css': 'blue\n' } });
  await work.untilPhase('polish', 'completed');
});

test('R9 an approval that came while the initiative was paused survives a restart and is landed when it goes on', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const { heads } = await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('build', 'pending_review.open');
  await work.tell('initiative', work.id, 'initiative.pause');
  await work.approvePhase('build');
  await work.untilPhase('build', 'merging.gate');

  await service.stop();
  await service.start();

  await work.untilPhase('build', 'merging.gate');
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(false);
  await work.tell('initiative', work.id, 'initiative.resume');
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(true);
});

test('R13 a phase starts when all that it depends on is complete, and tasks go to idle agents by priority', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      {
        key: 'one',
        tasks: [
          { key: 'low', priority: 10 },
          { key: 'high', priority: 90 },
        ],
      },
      { key: 'two', tasks: [{ key: 'other', priority: 20 }] },
      { key: 'three', dependsOn: ['one', 'two'], tasks: ['last'] },
    ],
  });
  const agent = await registerAgent(service);
  await work.untilTask('one', 'low', 'queued');
  await work.untilTask('two', 'other', 'queued');

  await doTask(agent, 'high', { api: { 'high.txt': 'h\n' } });
  await doTask(agent, 'other', { api: { 'other.txt': 'o\n' } });
  await work.untilPhase('two', 'completed');
  await work.untilPhase('three', 'blocked');
  await doTask(agent, 'low', { api: { 'low.txt': 'l\n' } });

  await work.untilPhase('one', 'completed');
  await work.untilPhase('three', 'in_progress');
  await doTask(agent, 'last', { api: { 'last.txt': 'l\n' } });
  await work.untilPhase('three', 'completed');
});
