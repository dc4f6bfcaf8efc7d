import { expect, test } from 'vitest';
import type { EventAnswer } from '../../src/services/shapes/actor.ts';
import { claim, doTask, registerAgent } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TaskPlan } from '../support/work.ts';

const part = (key: string, more: object = {}) => ({ key, title: key, ...more });

/** One phase whose tasks stand one after the other, unless they say otherwise. */
async function planned(tasks: readonly (TaskPlan | string)[]) {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks }] });
  return { service, work };
}

test('a task that nobody has begun is split: what waited for it starts when all its parts are done, and not before', async () => {
  const { service, work } = await planned([
    'base',
    { key: 'big', dependsOn: ['base'], priority: 77 },
    { key: 'top', dependsOn: ['big'] },
  ]);
  const { id } = await work.untilTask('build', 'big', 'blocked');

  await work.tell('task', id, 'task.split', {
    into: [part('left'), part('right', { dependsOn: ['base', 'left'], priority: 10 })],
  });

  const big = await work.untilTask('build', 'big', 'canceled');
  expect(big.splitInto).toEqual(['left', 'right']);
  const right = await work.untilTask('build', 'right', 'blocked');
  const left = await work.task('build', 'left');
  const { reasons } = await work.explain('task', id);
  expect(reasons.find(({ code }) => code === 'split')).toMatchObject({
    text: 'it was split: left, right took its place',
    refers: [left.id, right.id],
    others: [{ key: 'left' }, { key: 'right', path: 'blocked.waiting' }],
  });
  expect(left).toMatchObject({ dependsOn: ['base'], priority: 77 });
  expect(await work.task('build', 'right')).toMatchObject({ dependsOn: ['base', 'left'], priority: 10 });
  expect((await work.task('build', 'top')).dependsOn).toEqual(['left', 'right']);

  const agent = await registerAgent(service);
  await doTask(agent, 'base', { api: { 'base.txt': 'b\n' } });
  await doTask(agent, 'left', { api: { 'left.txt': 'l\n' } });
  await work.untilTask('build', 'right', 'queued');
  await work.untilTask('build', 'top', 'blocked');
  await doTask(agent, 'right', { api: { 'right.txt': 'r\n' } });
  await doTask(agent, 'top', { api: { 'top.txt': 't\n' } });
  await work.untilPhase('build', 'pending_review.open');
});

test('a task that an agent has claimed is not split, and goes on as if nothing had been asked', async () => {
  const { service, work } = await planned(['big']);
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'big');
  const { version } = await work.task('build', 'big');
  const into = [part('left'), part('right')];

  expect(await work.refusalOf('task', claimed.task.id, 'task.split', { into })).toMatchObject({
    code: 'work_begun',
    status: 409,
  });

  const phase = await work.phase('build');
  expect(phase.tasks.map(({ key, version: now }) => [key, now])).toEqual([['big', version]]);
});

test('a claim and a split at the same moment never both get the task: the split makes its parts or is refused', async () => {
  const { service, work } = await planned(['one', 'two', 'three', 'four']);
  const { tasks } = await work.untilPhase('build', 'in_progress.working');
  for (const { key } of tasks) await work.untilTask('build', key, 'queued');
  const agents = await Promise.all(tasks.map(({ key }) => registerAgent(service, key)));

  const [answers, claims] = await Promise.all([
    Promise.all(
      tasks.map(({ id, key }) =>
        work.service.call('operator', 'POST', `/v1/tasks/${id}/events`, {
          type: 'task.split',
          into: [part(`${key}-a`), part(`${key}-b`)],
        }),
      ),
    ),
    Promise.all(agents.map((agent) => claim(agent))),
  ]);

  const claimed = new Set(claims.map(({ task }) => task.key));
  for (const [place, { key }] of tasks.entries()) {
    const isSplit = answers[place]?.status === 200;
    expect([key, isSplit && claimed.has(key)]).toEqual([key, false]);
    if (isSplit) {
      const { splitInto } = await work.untilTask('build', key, 'canceled');
      expect(splitInto).toEqual([`${key}-a`, `${key}-b`]);
    } else expect((await answers[place]?.json()) as object).toMatchObject({ code: 'work_begun' });
  }
});

test('a split that is repeated with its key gets its first answer and makes nothing twice', async () => {
  const { work } = await planned(['big']);
  const { id } = await work.untilTask('build', 'big', 'queued');
  const into = [part('left'), part('right')];
  const first = await work.tell('task', id, 'task.split', { into }, { key: 'split-big' });
  await work.untilTask('build', 'big', 'canceled');

  const again = await work.tell('task', id, 'task.split', { into }, { key: 'split-big' });

  expect(again).toEqual({ ...first, outcome: 'duplicate' } satisfies EventAnswer);
  expect((await work.phase('build')).tasks.map(({ key }) => key)).toEqual(['big', 'left', 'right']);
  expect(await work.refusalOf('task', id, 'task.split', { into: [part('a'), part('b')] })).toMatchObject({
    code: 'not_enabled',
  });
});

test('a split that can not be made is refused with its code, and nothing changes', async () => {
  const { work } = await planned(['base', 'big', { key: 'top', dependsOn: ['big'] }]);
  const { id, version } = await work.untilTask('build', 'big', 'queued');
  const codeOf = async (...into: object[]) => (await work.refusalOf('task', id, 'task.split', { into })).code;

  expect(await codeOf(part('left'))).toBe('invalid_payload');
  expect(await codeOf(part('left'), part('left'))).toBe('key_taken');
  expect(await codeOf(part('left'), part('base'))).toBe('key_taken');
  expect(await codeOf(part('left'), part('merge-1'))).toBe('invalid_key');
  expect(await codeOf(part('left'), part('right', { dependsOn: ['nobody'] }))).toBe('unknown_dependency');
  expect(await codeOf(part('left'), part('right', { dependsOn: ['big'] }))).toBe('unknown_dependency');
  expect(await codeOf(part('left'), part('right', { dependsOn: ['top'] }))).toBe('dependency_cycle');
  expect(await codeOf(part('left'), part('right', { projects: ['web'] }))).toBe('unknown_project');
  expect((await work.task('build', 'big')).version).toBe(version);
});

test('nobody comes to wait for more than 64 because what it waits for is split', async () => {
  const many = Array.from({ length: 63 }, (_, n) => `t-${n}`);
  const { work } = await planned([...many, 'big', { key: 'top', dependsOn: [...many, 'big'] }]);
  const { id } = await work.untilTask('build', 'big', 'queued');
  expect(
    await work.refusalOf('task', id, 'task.split', { into: [part('left'), part('right')] }),
  ).toMatchObject({ code: 'too_many_dependencies', status: 422 });
});

test('a part is not made to wait for what waits for it, however soon after the split it is linked, nor through the whole', async () => {
  const { work } = await planned(['base', 'big', { key: 'top', dependsOn: ['big'] }]);
  const { id } = await work.untilTask('build', 'big', 'queued');
  await work.tell('task', id, 'task.split', {
    into: [part('left', { dependsOn: ['base'] }), part('right')],
  });
  const again = await work.refusalOf('phase', (await work.phase('build')).id, 'phase.addTask', part('left'));
  expect(again.code).toBe('key_taken');
  const left = await work.task('build', 'left');
  expect(await work.refusalOf('task', left.id, 'task.relink', { dependsOn: ['top'] })).toMatchObject({
    code: 'dependency_cycle',
  });
  const base = await work.untilTask('build', 'base', 'queued');
  expect(await work.refusalOf('task', base.id, 'task.relink', { dependsOn: ['big'] })).toMatchObject({
    code: 'dependency_cycle',
  });
});
