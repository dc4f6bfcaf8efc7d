import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { isContained } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('R1 a completed task is merged into the branch of its phase in every project of the initiative', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, { projects: [api, web], phases: [{ key: 'build', tasks: ['login', 'logout'] }] });
  const agent = await registerAgent(service);

  const { heads } = await doTask(agent, 'login', { api: { 'login.ts': 'api\n' }, web: { 'login.html': 'web\n' } });

  await work.untilTask('build', 'login', 'completed');
  for (const project of [api, web]) {
    expect(await isContained(project.hub, heads[project.key] ?? '', 'refs/heads/signalbox/goal/phase/build')).toBe(true);
  }
});
