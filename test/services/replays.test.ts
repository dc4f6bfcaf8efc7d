import { expect, test } from 'vitest';
import type { EventAnswer } from '../../src/services/shapes/actor.ts';
import { claim, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('a repeated event gets its first answer although what it asked for has been done since', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    start: false,
    projects: [api],
    phases: [{ key: 'build', tasks: ['one'] }],
  });
  const { id } = await work.phase('build');
  const added = { key: 'two', title: 'Two', dependsOn: ['one'] };
  const first = await work.tell('phase', id, 'phase.addTask', added, { key: 'add-two' });
  expect(first.outcome).toBe('accepted');
  await work.tell('phase', id, 'phase.rename', { title: 'Renamed' });

  const again = await work.tell('phase', id, 'phase.addTask', added, { key: 'add-two' });
  expect(again).toEqual({ ...first, outcome: 'duplicate' } satisfies EventAnswer);
  expect((await work.phase('build')).tasks.map(({ key }) => key)).toEqual(['one', 'two']);
});

test('a key that comes back with another event is refused with key_reused, and nothing changes', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    start: false,
    projects: [api],
    phases: [{ key: 'build', tasks: ['one'] }],
  });
  const before = await work.tell(
    'initiative',
    work.id,
    'initiative.rename',
    { title: 'First' },
    { key: 'k' },
  );
  const refused = await work.refusalOf(
    'initiative',
    work.id,
    'initiative.rename',
    { title: 'Second' },
    { key: 'k' },
  );
  expect([refused.status, refused.code]).toEqual([422, 'key_reused']);
  const after = await work.tree();
  expect([after.version, after.title]).toEqual([before.version, 'First']);
});

test('a repeated submit is answered although its lease is over and the task has moved on', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['one'] }] });
  const agent = await registerAgent(service, 'agent');
  const claimed = await claim(agent, 'one');
  await pushFiles(agent, claimed, { api: { 'one.txt': 'one\n' } });
  const body = { lease: claimed.lease.id };
  const address = `/v1/agents/${agent.id}/submit`;
  const first = await service.post<EventAnswer>('agent', address, body, { key: 'submit-one' });
  await work.untilTask('build', 'one', 'completed');
  const again = await service.post<EventAnswer>('agent', address, body, { key: 'submit-one' });
  expect(again).toEqual({ ...first, outcome: 'duplicate' });
  const late = await service.refusal('agent', 'POST', address, body);
  expect([late.status, late.code]).toEqual([409, 'lease_over']);
});

test('a task that asks for a review is landed with the approved heads, and other heads are refused', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'one', needsReview: true }] }],
  });
  const agent = await registerAgent(service, 'agent');
  const claimed = await claim(agent, 'one');
  const heads = await pushFiles(agent, claimed, { api: { 'one.txt': 'one\n' } });
  await submit(agent, claimed);
  const task = await work.untilTask('build', 'one', 'pending_review');
  expect(task.heads).toEqual(heads);
  const refused = await work.refusalOf('task', task.id, 'task.approve', {
    heads: { api: claimed.projects[0]?.base ?? '' },
  });
  expect([refused.status, refused.code]).toEqual([409, 'heads_not_served']);
  expect((await work.task('build', 'one')).version).toBe(task.version);
  await work.tell('task', task.id, 'task.approve', { heads });
  await work.untilTask('build', 'one', 'completed');
});
