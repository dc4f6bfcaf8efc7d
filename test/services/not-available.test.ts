import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('a sync of an initiative answers that it is not available, and the initiative goes on', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  await work.untilState('in_progress.running');

  await work.tell('initiative', work.id, 'initiative.sync');

  const { failure } = await work.untilState('in_progress.running');
  expect(failure).toMatchObject({ code: 'not_available' });
  const agent = await registerAgent(service, 'one');
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('build', 'pending_review.open');
});
