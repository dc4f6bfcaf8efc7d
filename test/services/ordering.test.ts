import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';
import { until } from '../support/until.ts';

async function threePhases(limits: Readonly<Record<string, number>> = { phases: 1 }) {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    limits,
    projects: [api],
    phases: [
      { key: 'one', tasks: ['first'] },
      { key: 'two', tasks: ['second'] },
      { key: 'three', tasks: ['third'] },
    ],
  });
  await work.untilPhase('one', 'in_progress.working');
  await work.untilPhase('three', 'queued');
  /** Of a phase that waits for a slot, or of the initiative. */
  const slotsOf = async (kind: 'phase' | 'initiative', id: string) =>
    (await work.explain(kind, id)).reasons.flatMap(({ slots }) => slots ?? []);
  return { service, work, slotsOf };
}

test('phases that were put in another order get their slots in that order, and the initiative shows it', async () => {
  const { service, work, slotsOf } = await threePhases();
  expect((await work.tree()).order).toEqual(['two', 'three']);

  await work.tell('initiative', work.id, 'initiative.reorder', { phases: ['three'] });

  expect((await work.tree()).order).toEqual(['three', 'two']);
  const two = await work.phase('two');
  expect(await slotsOf('phase', two.id)).toEqual([{ limit: 1, taken: 1, ahead: 1 }]);
  expect((await work.explain('phase', two.id)).reasons.map(({ code }) => code)).toEqual([
    'waits_for_slot',
    'children_open',
  ]);
  const agent = await registerAgent(service);
  await doTask(agent, 'first', { api: { 'first.txt': '1\n' } });
  await work.untilPhase('three', 'in_progress.working');
  await work.untilPhase('two', 'queued');
  await doTask(agent, 'third', { api: { 'third.txt': '3\n' } });
  await work.untilPhase('two', 'in_progress.working');
  expect((await work.tree()).order).toEqual([]);
});

test('a phase that is linked anew while it waits for a slot gets its place back when it asks again', async () => {
  const { work, slotsOf } = await threePhases();
  await work.tell('initiative', work.id, 'initiative.reorder', { phases: ['three', 'two'] });
  const three = await work.phase('three');
  await work.tell('phase', three.id, 'phase.relink', { dependsOn: ['two'] });
  await work.untilPhase('three', 'blocked.waiting');
  expect((await work.tree()).order).toEqual(['three', 'two']);
  const two = await work.phase('two');
  await until('the initiative to have heard', async () => {
    const [slots] = await slotsOf('initiative', work.id);
    return slots?.ahead === 1 || null;
  });
  expect(await slotsOf('phase', two.id)).toEqual([{ limit: 1, taken: 1, ahead: 0 }]);
  await work.tell('phase', three.id, 'phase.relink', { dependsOn: [] });
  await work.untilPhase('three', 'queued');
  expect((await work.tree()).order).toEqual(['three', 'two']);
});

test('an order that names what is unknown, has begun, or comes twice is refused with all of it', async () => {
  const { work } = await threePhases();
  const { version } = await work.tree();
  expect(
    await work.refusalOf('initiative', work.id, 'initiative.reorder', {
      phases: ['two', 'one', 'nobody', 'two'],
    }),
  ).toMatchObject({
    code: 'invalid_order',
    status: 422,
    details: {
      faults: [
        { key: 'two', fault: 'twice' },
        { key: 'one', fault: 'begun' },
        { key: 'nobody', fault: 'unknown' },
      ],
    },
  });
  expect((await work.tree()).version).toBe(version);
});

test('a task or phase that was linked to something else is not asked about when what it waited for is canceled', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'build', tasks: ['base', 'other', { key: 'top', dependsOn: ['base'] }] },
      { key: 'side', draft: true, tasks: ['x'] },
      { key: 'after', draft: true, dependsOn: ['side'], tasks: ['y'] },
    ],
  });
  const base = await work.untilTask('build', 'base', 'queued');
  const top = await work.untilTask('build', 'top', 'blocked');
  expect(await work.refusalOf('task', base.id, 'task.cancel')).toMatchObject({ code: 'dependents_unstated' });
  await work.tell('task', top.id, 'task.relink', { dependsOn: ['other'] });
  const left = async (kind: 'task' | 'phase', id: string) =>
    (await work.journal(kind, id)).some(({ type }) => type === 'dependency.unwatch') || null;
  await until('base to have heard', () => left('task', base.id));
  await work.tell('task', base.id, 'task.cancel');
  await work.untilTask('build', 'base', 'canceled');
  await work.untilTask('build', 'top', 'blocked.waiting');

  const side = await work.phase('side');
  const after = await work.phase('after');
  await work.tell('phase', after.id, 'phase.relink', { dependsOn: ['build'] });
  await until('side to have heard', () => left('phase', side.id));
  await work.tell('phase', side.id, 'phase.cancel');
  await work.untilPhase('side', 'canceled');

  const other = await work.task('build', 'other');
  await work.tell('task', top.id, 'task.cancel');
  await until('other to have heard', () => left('task', other.id));
  await work.tell('task', other.id, 'task.cancel');
  await work.untilTask('build', 'other', 'canceled');
});
