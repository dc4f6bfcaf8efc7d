import { rename } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { claim, pushFiles, registerAgent, report, submit } from '../support/agent.ts';
import { LEASE_SECONDS, startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan } from '../support/work.ts';

async function start(limits: Readonly<Record<string, number>> = {}) {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    limits,
    phases: [{ key: 'build', tasks: ['login', { key: 'logout', dependsOn: ['login'] }] }],
  });
  return { service, api, work };
}

test('a task says who works on it, since when, and what its agent asks', async () => {
  const { service, work } = await start();
  const agent = await registerAgent(service, 'one');
  const held = await claim(agent, 'login');
  const { task } = held;
  const claimed = (await work.journal('task', task.id)).find(({ type }) => type === 'task.claim');
  await service.passTime(LEASE_SECONDS / 2);
  await work.tell('task', task.id, 'task.rename', { title: 'Log in' });

  const working = await work.explain('task', task.id);
  expect(working).toMatchObject({ path: 'in_progress.working', settled: false, needsYou: null });
  expect(Date.parse(working.since)).toBe(Date.parse(claimed?.at ?? ''));
  const { rows } = await service.database.sql.query<{ expires_at: Date }>('SELECT expires_at FROM lease');
  expect(working.reasons.find(({ code }) => code === 'leased')?.lease).toEqual({
    agentId: agent.id,
    agent: 'one',
    attempt: 1,
    expires: rows[0]?.expires_at.toISOString(),
  });
  // Only a lease that ran out can be given back.
  expect(working.moves.filter(({ kind }) => kind === 'agent').map(({ event }) => event)).toEqual([
    'task.submit',
    'task.fail',
    'task.stop',
    'task.ask',
  ]);

  await report(agent, held, 'ask', { question: 'Tabs or spaces?' });
  const asking = await work.explain('task', task.id);
  expect(asking).toMatchObject({ path: 'in_progress.asking', tags: ['busy', 'leased', 'needs_you'] });
  expect(asking.needsYou).toEqual({
    text: 'Answer the question of its agent. It asks: Tabs or spaces?',
    failure: null,
  });
  expect(asking.moves).toContainEqual({
    kind: 'event',
    event: 'task.answer',
    what: 'A person answers the question.',
    by: ['admin', 'operator', 'reviewer'],
  });

  const [logout, phase] = [await work.task('build', 'logout'), await work.phase('build')];
  expect((await work.explain('task', logout.id)).reasons).toMatchObject([
    { code: 'waits_for_dependency', others: [{ key: 'login', path: 'in_progress.asking' }] },
  ]);
  expect((await work.explain('phase', phase.id)).reasons).toMatchObject([
    {
      code: 'children_open',
      text: '0 of 2 tasks are settled',
      others: [
        { kind: 'task', key: 'login', path: 'in_progress.asking' },
        { kind: 'task', key: 'logout', path: 'blocked.waiting' },
      ],
    },
    { code: 'child_needs_you', others: [{ key: 'login', path: 'in_progress.asking' }] },
  ]);
  expect(await work.explain('initiative', work.id)).toMatchObject({
    path: 'in_progress.running.steady',
    sentence: expect.stringContaining('a question of an agent may wait for a person'),
  });
});

test('a failure that a person has to mend comes with what helps, and what is over says that nothing moves it', async () => {
  const { service, work } = await start({ attempts: 1 });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  await report(agent, claimed, 'fail', { code: 'lease_expired', message: 'lost it' });
  const { id } = claimed.task;
  await work.untilTask('build', 'login', 'failed');
  expect((await work.explain('task', id)).needsYou).toEqual({
    text: 'Mend what made it fail, then retry; waive or cancel it.',
    failure: {
      code: 'lease_expired',
      message: 'lost it',
      fix: 'Look why nothing was heard of the agent, then retry.',
    },
  });

  await work.tell('task', id, 'task.waive');
  await work.untilTask('build', 'login', 'canceled');
  const over = await work.explain('task', id);
  expect(over).toMatchObject({ settled: true, needsYou: null, moves: [], suggestions: [] });
  expect(over.reasons).toMatchObject([{ code: 'settled', text: expect.stringContaining('it was waived') }]);
});

test('an effect says whether it is being done, how often it was begun, when it is tried again, and what kept it', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['first', 'second'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [first, second] = [await claim(one, 'first'), await claim(two, 'second')];
  await pushFiles(one, first, { api: { 'a.txt': 'a\n' } });
  await pushFiles(two, second, { api: { 'b.txt': 'b\n' } });
  const effectOf = async (id: string) =>
    (await work.explain('task', id)).reasons.find(({ effect }) => effect !== undefined)?.effect;

  const held = service.gates.hold('after-intents');
  await submit(one, first);
  await held.reached;
  expect(await effectOf(first.task.id)).toMatchObject({
    name: 'task.land',
    invoke: 'land',
    state: 'running',
    attempt: 1,
    failures: 0,
    nextTry: null,
    lastError: null,
  });
  await submit(two, second);
  const waiting = await until('the second landing to wait for the first', async () => {
    const effect = await effectOf(second.task.id);
    return effect?.state === 'ready' && effect.lastError !== null ? effect : null;
  });
  expect(waiting).toMatchObject({
    failures: 0,
    nextTry: expect.stringMatching(/Z$/),
    lastError: { message: expect.stringContaining('waiting for another landing') },
  });
  expect(waiting.attempt).toBeGreaterThan(0);
  expect((await work.explain('task', second.task.id)).moves).toContainEqual({
    kind: 'effect',
    event: null,
    what: 'The service brings task.land to its end.',
    by: [],
  });
  held.release();
  await work.untilTask('build', 'second', 'completed');
});

test('a step that failed for good says what helps, and who may have it tried again', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  await rename(api.remote.dir, `${api.remote.dir}.away`);
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  await work.untilState('in_progress.open_failed');
  const failed = await work.explain('initiative', work.id);
  expect(failed.needsYou?.failure).toMatchObject({
    code: 'remote_not_a_repository',
    fix: 'Look whether the repository was moved or deleted at its remote, then retry.',
  });
  expect(failed.moves).toContainEqual({
    kind: 'event',
    event: 'initiative.retry',
    what: 'Try again what failed.',
    by: ['admin', 'operator'],
  });
});
