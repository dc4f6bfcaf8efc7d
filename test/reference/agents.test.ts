import { expect, test } from 'vitest';
import { claim, claimOrNull, doTask, pushFiles, registerAgent, report } from '../support/agent.ts';
import { isContained } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, stateText } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

test('R12 an agent that stops with success hands its task in, and gets the next one', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const heads = await pushFiles(agent, claimed, { api: { 'login.ts': 'in\n' } });

  await report(agent, claimed, 'stop', { reason: 'success' });

  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(true);
  expect((await claim(agent)).task.key).toBe('logout');
});

test('R12 an agent that stops crashed or stopped by its user hands nothing in', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);

  const crashed = await claim(agent, 'login');
  const heads = await pushFiles(agent, crashed, { api: { 'login.ts': 'half\n' } });
  await report(agent, crashed, 'stop', { reason: 'crashed' });
  expect(await work.untilTask('build', 'login', 'queued')).toMatchObject({
    attempt: 1,
    failure: { code: 'agent_crashed' },
  });

  const again = await claim(agent, 'login');
  expect(again.task.attempt).toBe(2);
  await report(agent, again, 'stop', { reason: 'user_requested' });
  await work.untilTask('build', 'login', 'held');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(false);

  const { id } = await work.task('build', 'login');
  await work.tell('task', id, 'task.resume');
  await work.untilTask('build', 'login', 'queued');
});

test('R12 requests for work that arrive together get one task for each agent', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['one', 'two', 'three', 'four'] }],
  });
  const agents = await Promise.all(['a', 'b'].map((name) => registerAgent(service, name)));
  for (const key of ['one', 'two', 'three', 'four']) await work.untilTask('build', key, 'queued');

  const claims = await Promise.all(
    agents.flatMap((agent) => Array.from({ length: 5 }, () => claimOrNull(agent, 20))),
  );

  const [first, second] = [claims.slice(0, 5), claims.slice(5)].map(
    (own) => new Set(own.map((claimed) => claimed?.lease.id)),
  );
  expect([first?.size, second?.size]).toEqual([1, 1]);
  expect(first).not.toEqual(second);
  const { tasks } = await work.phase('build');
  expect(tasks.map(({ state }) => stateText(state)).toSorted()).toEqual([
    'in_progress.working',
    'in_progress.working',
    'queued',
    'queued',
  ]);
});

test('R14 everything that happens to a unit is an event of the journal', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'More.' });
  await doTask(agent, 'revision-1', { api: { 'more.ts': 'more\n' } });
  await work.approvePhase('build');
  await work.approve();
  await work.untilState('completed');

  const task = await work.task('build', 'login');
  const landed = (await work.journal('task', task.id)).map(
    ({ type, state }) => `${type} > ${stateText(state)}`,
  );
  expect(landed).toEqual([
    'actor.created > blocked.waiting',
    'phase.opened > queued',
    'task.claim > in_progress.working',
    'task.submit > merging',
    'xstate.done.actor.land > completed',
  ]);
  const phase = (await work.journal('phase', id)).map(({ type, state }) => `${type} > ${stateText(state)}`);
  expect(phase).toEqual(
    expect.arrayContaining([
      'xstate.done.actor.review > pending_review.open',
      'phase.requestChanges > in_progress.working',
      'phase.approve > merging.landing',
      'xstate.done.actor.land > completed',
    ]),
  );
  const initiative = (await work.journal('initiative', work.id)).map(
    ({ type, state }) => `${type} > ${stateText(state)}`,
  );
  expect(initiative).toEqual(
    expect.arrayContaining([
      'xstate.done.actor.review > pending_review.open',
      'initiative.approve > delivering',
      'xstate.done.actor.deliver > completed',
    ]),
  );
});
