import { expect, test } from 'vitest';
import type { LeaseAnswer } from '../../src/services/shapes/agent.ts';
import { claim, registerAgent, report } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('an agent hears the answer to the question it asked last, and nothing while that one is open', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const heard = async () => (await report<LeaseAnswer>(agent, claimed, 'heartbeat')).questionAnswer;
  const answer = (text: string) => work.tell('task', claimed.task.id, 'task.answer', { answer: text });

  await report(agent, claimed, 'ask', { question: 'Tabs?' });
  expect(await heard()).toBeNull();
  await answer('Spaces.');
  expect(await heard()).toBe('Spaces.');

  await report(agent, claimed, 'ask', { question: 'How many?' });
  expect(await heard()).toBeNull();
  await answer('Two.');
  expect(await heard()).toBe('Two.');

  await report(agent, claimed, 'fail');
  const next = await claim(agent, 'login');
  expect((await report<LeaseAnswer>(agent, next, 'heartbeat')).questionAnswer).toBeNull();
});
