import { expect, test } from 'vitest';
import {
  claim,
  claimOrNull,
  doTask,
  pushFiles,
  registerAgent,
  report,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { isContained, refsOf, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, stateText } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const PHASE = 'refs/heads/signalbox/goal/phase/build';

test('a task is added while the phase runs, and waits for what it depends on', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const { id } = await work.untilPhase('build', 'in_progress');
  await work.tell('phase', id, 'phase.addTask', { key: 'logout', title: 'Sign out', dependsOn: ['login'] });
  await work.untilTask('build', 'logout', 'blocked');

  expect(await work.refusalOf('phase', id, 'phase.addTask', { key: 'logout', title: 'Again' })).toMatchObject(
    { code: 'key_taken' },
  );
  expect(
    await work.refusalOf('phase', id, 'phase.addTask', { key: 'x', title: 'X', dependsOn: ['nobody'] }),
  ).toMatchObject({ code: 'unknown_dependency' });
  expect(await work.refusalOf('phase', id, 'phase.addTask', { key: '../x', title: 'X' })).toMatchObject({
    code: 'invalid_payload',
  });
  expect(await work.refusalOf('phase', id, 'phase.addTask', { key: 'merge-1', title: 'X' })).toMatchObject({
    code: 'invalid_key',
  });

  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await doTask(agent, 'logout', { api: { 'logout.ts': 'out\n' } });
  const { tasks } = await work.untilPhase('build', 'pending_review.open');
  expect(tasks.map(({ key }) => key)).toEqual(['login', 'logout']);
});

test.each([
  { dependents: 'release', becomes: 'queued' },
  { dependents: 'cancel', becomes: 'canceled' },
  { dependents: 'keep', becomes: 'blocked.stranded' },
])(
  'canceling a task that others depend on has to say what becomes of them: $dependents',
  async ({ dependents, becomes }) => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, {
      projects: [api],
      phases: [{ key: 'build', tasks: ['base', { key: 'top', dependsOn: ['base'] }, 'other'] }],
    });
    const { id, version } = await work.untilTask('build', 'base', 'queued');
    expect(await work.refusalOf('task', id, 'task.cancel')).toMatchObject({
      code: 'dependents_unstated',
      status: 422,
    });
    expect((await work.task('build', 'base')).version).toBe(version);

    await work.tell('task', id, 'task.cancel', { dependents });

    await work.untilTask('build', 'base', 'canceled');
    const top = await work.untilTask('build', 'top', becomes);
    if (dependents !== 'keep') return;
    expect(top.tags).toContain('needs_you');
    await work.untilPhase('build', 'in_progress.attention');
    await work.tell('task', top.id, 'task.relink', { dependsOn: ['other'] });
    await work.untilTask('build', 'top', 'blocked.waiting');
    await work.tell('task', top.id, 'task.waive');
    await work.untilTask('build', 'top', 'canceled');
  },
);

test('a task can not be made to wait for itself in a circle', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['a', { key: 'b', dependsOn: ['a'] }] }],
  });
  const { id } = await work.untilTask('build', 'a', 'queued');
  expect(await work.refusalOf('task', id, 'task.relink', { dependsOn: ['b'] })).toMatchObject({
    code: 'dependency_cycle',
  });
  await work.untilTask('build', 'a', 'queued');
});

test('canceling a task that an agent works on ends its lease, and what it has pushed is kept', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const { api: head } = await pushFiles(agent, claimed, { api: { 'login.ts': 'in\n' } });

  await work.tell('task', claimed.task.id, 'task.cancel');

  await work.untilTask('build', 'login', 'canceled');
  expect(await reportRefusal(agent, claimed, 'heartbeat')).toMatchObject({ code: 'lease_over' });
  expect(await reportRefusal(agent, claimed, 'submit')).toMatchObject({ code: 'lease_over' });
  expect(Object.values(await refsOf(api.hub, `refs/signalbox/backup/${claimed.task.id}`))).toEqual([
    expect.any(String),
    expect.any(String),
  ]);
  expect(await isContained(api.hub, head ?? '', `refs/signalbox/backup/${claimed.task.id}`)).toBe(true);
  expect((await claim(agent)).task.key).toBe('logout');
});

test('canceling a phase ends its tasks and leases, and keeps every commit under backup refs', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'build', tasks: ['done', 'running', 'never'] },
      { key: 'other', tasks: [] },
    ],
  });
  const agent = await registerAgent(service);
  const landed = await doTask(agent, 'done', { api: { 'done.txt': 'd\n' } });
  await work.untilTask('build', 'done', 'completed');
  const running = await claim(agent, 'running');
  const { api: pushed } = await pushFiles(agent, running, { api: { 'running.txt': 'r\n' } });
  const { id } = await work.phase('build');

  await work.tell('phase', id, 'phase.cancel');

  const phase = await work.untilPhase('build', 'canceled');
  expect(phase.tasks.map(({ key, state }) => [key, stateText(state)])).toEqual([
    ['done', 'completed'],
    ['running', 'canceled'],
    ['never', 'canceled'],
  ]);
  expect(await reportRefusal(agent, running, 'submit')).toMatchObject({ code: 'lease_over' });
  for (const commit of [landed.heads['api'], pushed]) {
    expect(await isContained(api.hub, commit ?? '', 'refs/signalbox/backup')).toBe(true);
  }
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
});

test('canceling an initiative ends everything in it, keeps every commit under backup refs and delivers nothing', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      { key: 'build', tasks: ['done'] },
      { key: 'more', tasks: ['running'] },
    ],
  });
  const agent = await registerAgent(service);
  const landed = await doTask(agent, 'done', { api: { 'done.txt': 'd\n' } });
  await work.untilPhase('build', 'completed');
  const running = await claim(agent, 'running');
  const { api: pushed } = await pushFiles(agent, running, { api: { 'running.txt': 'r\n' } });

  await work.tell('initiative', work.id, 'initiative.cancel');

  const tree = await work.untilState('canceled');
  expect(tree.phases.map(({ state }) => stateText(state))).toEqual(['completed', 'canceled']);
  for (const commit of [landed.heads['api'], pushed]) {
    expect(await isContained(api.hub, commit ?? '', 'refs/signalbox/backup')).toBe(true);
  }
  expect(await api.remote.tip('signalbox/goal')).toBeNull();
  expect(await claimOrNull(agent)).toBeNull();
  expect(await work.refusalOf('initiative', work.id, 'initiative.resume')).toMatchObject({ status: 409 });
});

test('a cancel that comes while a task lands is decided by the result: what has landed is completed', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'other'] }],
  });
  const agent = await registerAgent(service);
  const held = service.gates.hold('after-intents');
  const { heads, claim: claimed } = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await held.reached;

  await work.tell('task', claimed.task.id, 'task.cancel');
  expect(stateText((await work.task('build', 'login')).state)).toBe('merging');
  held.release();

  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(true);
});

test('a paused initiative gives out no tasks and lands no phases; what runs finishes, and it goes on when resumed', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);
  const login = await claim(agent, 'login');
  await work.untilTask('build', 'logout', 'queued');

  await work.tell('initiative', work.id, 'initiative.pause');

  const { api: head } = await pushFiles(agent, login, { api: { 'login.ts': 'in\n' } });
  await submit(agent, login);
  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, head ?? '', PHASE)).toBe(true);
  expect(await claimOrNull(agent)).toBeNull();
  const { id } = await work.task('build', 'logout');
  expect((await work.explain('task', id)).reasons.map(({ code }) => code)).toContain('paused');
  await work.tell('task', id, 'task.cancel');
  await work.untilPhase('build', 'merging.gate');
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());

  await work.tell('initiative', work.id, 'initiative.resume');
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, head ?? '', INITIATIVE)).toBe(true);
});

test('a task whose attempts are used up fails, and a retry gives all of them back', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    limits: { attempts: 2 },
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const agent = await registerAgent(service);
  await report(agent, await claim(agent, 'login'), 'fail', {
    code: 'tests_red',
    message: 'three tests fail',
  });
  await report(agent, await claim(agent, 'login'), 'fail', { code: 'tests_red', message: 'two tests fail' });
  const failed = await work.untilTask('build', 'login', 'failed');
  expect(failed).toMatchObject({ failure: { code: 'tests_red', message: 'two tests fail' }, attempt: 2 });
  expect(failed.tags).toContain('needs_you');
  expect(await claimOrNull(agent)).toBeNull();

  await work.tell('task', failed.id, 'task.retry');
  const third = await claim(agent, 'login');
  expect(third.task.attempt).toBe(3);
  await report(agent, third, 'fail');
  await work.untilTask('build', 'login', 'queued');
});

test('two initiatives over the same project land and deliver beside each other', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const plan = { mode: 'yolo', projects: [{ project: api, strategy: 'merge_and_push' }] } as const;
  const one = await applyPlan(service, { ...plan, key: 'one', phases: [{ key: 'build', tasks: ['first'] }] });
  const two = await applyPlan(service, {
    ...plan,
    key: 'two',
    phases: [{ key: 'build', tasks: ['second'] }],
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const first = await claim(agent, 'first');
  const second = await claim(other, 'second');
  const heads = [
    await pushFiles(agent, first, { api: { '1.txt': '1\n' } }),
    await pushFiles(other, second, { api: { '2.txt': '2\n' } }),
  ];
  await submit(agent, first);
  await submit(other, second);

  await one.approve();
  await one.untilState('completed');
  await two.approve();
  await two.untilState('completed');

  for (const { api: head } of heads)
    expect(await isContained(api.remote.dir, head ?? '', 'refs/heads/main')).toBe(true);
});
