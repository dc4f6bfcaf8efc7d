import { expect, test } from 'vitest';
import type { MachineView } from '../../src/services/machine-catalog.ts';
import { doTask, registerAgent } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TaskPlan } from '../support/work.ts';

/** Far above what a refusal takes, far below what the work that must not be done would take. */
const AT_ONCE_MS = 5_000;

async function timed<T>(work: Promise<T>): Promise<{ answer: T; ms: number }> {
  const began = performance.now();
  return { answer: await work, ms: performance.now() - began };
}

test('what can not be taken is refused before any work is done for it, however much it is', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { start: false, projects: [api], phases: [{ key: 'build' }] });
  const { id: phase } = await work.phase('build');
  const added = { key: 'more', title: 'More' };
  const before = await work.tree();

  for (const tasks of [
    Array.from({ length: 60_000 }, (_, n) => ({ key: `${n}` })),
    Array.from({ length: 180_000 }, () => null),
    [{ key: 'a', title: 'A', dependsOn: Array.from({ length: 180_000 }, () => 'b') }],
    [Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`x${n}`, n]))],
  ]) {
    for (const [who, code] of [
      ['reviewer', 'sender_not_allowed'],
      ['operator', 'invalid_payload'],
    ] as const) {
      const { answer, ms } = await timed(
        work.refusalOf('initiative', work.id, 'initiative.addPhase', { ...added, tasks }, { who }),
      );
      expect([who, answer.code]).toEqual([who, code]);
      expect(ms, `the refusal of ${who}`).toBeLessThan(AT_ONCE_MS);
    }
  }

  for (const wrong of [
    { tasks: [null] },
    { tasks: [{ title: 'No key' }, { title: 'Nor this' }] },
    { tasks: 'none' },
    { tasks: [{ key: 'a', title: 'A', projects: [] }] },
    { dependsOn: 'build' },
    { dependsOn: [1] },
    { key: 7 },
  ]) {
    const refused = await work.refusalOf('initiative', work.id, 'initiative.addPhase', {
      ...added,
      ...wrong,
    });
    expect([refused.status, refused.code], JSON.stringify(wrong)).toEqual([422, 'invalid_payload']);
  }
  expect(
    await work.refusalOf('phase', phase, 'phase.approve', { heads: { api: null }, digest: '0'.repeat(64) }),
  ).toMatchObject({ code: 'invalid_payload' });
  expect(await work.refusalOf('task', phase, 'task.relink', { dependsOn: [] })).toMatchObject({
    code: 'unknown_task',
  });
  const after = await work.tree();
  expect([after.version, after.phases.length]).toEqual([before.version, 1]);
});

test('what is added to a plan fits what is there: keys, projects, dependencies', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    start: false,
    projects: [api],
    phases: [{ key: 'build', tasks: ['one'] }],
  });
  const { id } = await work.phase('build');
  const refused = async (phase: object) =>
    (
      await work.refusalOf('initiative', work.id, 'initiative.addPhase', {
        key: 'more',
        title: 'More',
        ...phase,
      })
    ).code;
  const task = (key: string, more: Partial<TaskPlan> = {}) => ({ key, title: key, ...more });

  expect(await refused({ tasks: [task('a'), task('a')] })).toBe('key_taken');
  expect(await refused({ tasks: [task('merge-1')] })).toBe('invalid_key');
  expect(await refused({ tasks: [task('a', { dependsOn: ['b'] }), task('b')] })).toBe('unknown_dependency');
  expect(await refused({ tasks: [task('a', { projects: [web.key] })] })).toBe('unknown_project');
  expect(
    await refused({
      tasks: [task('base'), ...Array.from({ length: 65 }, (_, n) => task(`t-${n}`, { dependsOn: ['base'] }))],
    }),
  ).toBe('too_many_dependents');
  expect(
    (await work.refusalOf('phase', id, 'phase.addTask', task('two', { projects: [web.key] }))).code,
  ).toBe('unknown_project');
  expect((await work.refusalOf('phase', id, 'phase.addTask', task('two', { projects: [] }))).code).toBe(
    'invalid_payload',
  );

  await work.tell('initiative', work.id, 'initiative.addPhase', {
    ...task('more', { dependsOn: ['build'] }),
    tasks: [task('a'), task('b', { dependsOn: ['a', 'a'], projects: ['api'] })],
  });
  await work.untilPhase('more', 'blocked');
  expect(await work.phase('more')).toMatchObject({
    dependsOn: ['build'],
    tasks: [{ key: 'a' }, { key: 'b', dependsOn: ['a'], projects: ['api'] }],
  });
});

test('at most 64 may wait for one, also by links that are made later', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const waiting = Array.from({ length: 64 }, (_, n) => ({ key: `w-${n}`, dependsOn: ['base'] }));
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['base', ...waiting, 'free'] }],
  });
  await work.untilTask('build', 'w-63', 'blocked');
  const { id } = await work.phase('build');
  const free = await work.task('build', 'free');
  const last = await work.task('build', 'w-63');

  expect(
    await work.refusalOf('phase', id, 'phase.addTask', { key: 'more', title: 'M', dependsOn: ['base'] }),
  ).toMatchObject({ code: 'too_many_dependents', status: 422 });
  expect(await work.refusalOf('task', free.id, 'task.relink', { dependsOn: ['base'] })).toMatchObject({
    code: 'too_many_dependents',
  });
  // It is one of the 64 already.
  await work.tell('task', last.id, 'task.relink', { dependsOn: ['base', 'free'] });
  const agent = await registerAgent(service);
  await doTask(agent, 'base', { api: { 'base.txt': 'b\n' } });
  await work.untilTask('build', 'w-0', 'queued');
  await work.tell('phase', id, 'phase.addTask', { key: 'more', title: 'M', dependsOn: ['base'] });
});

test('links that were made later count when a circle is looked for', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['a', 'b', 'c', { key: 'd', dependsOn: ['c'] }] }],
  });
  await work.untilTask('build', 'd', 'blocked');
  const d = await work.task('build', 'd');
  await work.tell('task', d.id, 'task.relink', { dependsOn: ['a'] });
  const a = await work.task('build', 'a');
  const refused = await work.refusalOf('task', a.id, 'task.relink', { dependsOn: ['d'] });
  expect(refused.code).toBe('dependency_cycle');
  expect(refused.detail).toMatch(/a > d > a|d > a > d/);
  // It waits for nobody any more that waits for c.
  const { id: c } = await work.task('build', 'c');
  await work.untilTask('build', 'c', 'queued');
  await work.tell('task', c, 'task.relink', { dependsOn: ['d'] });
});

test('a machine lists the events of people in the shape in which they are posted', async () => {
  const service = await startTestService();
  const { events } = await service.get<MachineView>('/v1/machines/phase');
  const fields = (type: string) =>
    events.find((event) => event.type === type)?.payload['properties'] as Record<string, unknown>;
  expect(fields('phase.relink')['dependsOn']).toMatchObject({ items: { type: 'string' }, maxItems: 64 });
  expect(fields('phase.addTask')['dependsOn']).toMatchObject({ items: { type: 'string' }, maxItems: 64 });
  expect(Object.keys(fields('phase.approve'))).toEqual(['heads']);
  expect(fields('phase.planTask')['dependsOn']).toMatchObject({ items: { type: 'integer' } });
});
