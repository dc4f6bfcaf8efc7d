import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('R10 when all phases are complete the initiative waits for review, and no remote has anything of it', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      { key: 'one', tasks: ['a'] },
      { key: 'two', tasks: ['b'] },
    ],
  });
  const agent = await registerAgent(service);
  const before = await api.remote.tip();
  await doTask(agent, 'a', { api: { 'a.txt': 'a\n' } });
  await work.untilPhase('one', 'completed');
  await work.untilState('in_progress');
  await doTask(agent, 'b', { api: { 'b.txt': 'b\n' } });

  const initiative = await work.untilState('pending_review.open');
  expect(initiative.tags).toContain('needs_you');
  const { heads } = await work.review('initiative', work.id);
  expect(heads).toEqual({ api: await tipOf(api.hub, 'refs/heads/signalbox/goal/initiative') });
  expect(await api.remote.tip()).toBe(before);
  expect(await api.remote.tip('signalbox/goal')).toBeNull();
});

test('R11 an approval delivers each project by its strategy: its branch pushed, or merged into the default branch and pushed', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [
      { project: api, strategy: 'push_branch' },
      { project: web, strategy: 'push_branch' },
    ],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const { heads } = await doTask(await registerAgent(service), 'login', {
    api: { 'a.ts': 'a\n' },
    web: { 'w.ts': 'w\n' },
  });
  const [apiMain, webMain] = [await api.remote.tip(), await web.remote.tip()];
  await work.untilState('pending_review.open');
  const theirs = await web.remote.commit({ 'theirs.txt': 'meanwhile\n' });

  // The approval changes how one of them is delivered.
  await work.approve({ web: 'merge_and_push' });

  const done = await work.untilState('completed');
  expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
  expect(await api.remote.tip()).toBe(apiMain);
  expect(await isContained(web.remote.dir, heads['web'] ?? '', 'refs/heads/main')).toBe(true);
  expect(await isContained(web.remote.dir, theirs, 'refs/heads/main')).toBe(true);
  expect(await web.remote.tip()).not.toBe(webMain);
  expect(await web.remote.tip('signalbox/goal')).toBeNull();
  const delivered = { state: 'delivered', code: null, message: null };
  expect(done.projects.map(({ key, strategy, delivery }) => [key, strategy, delivery])).toEqual([
    [
      'api',
      'push_branch',
      { ...delivered, branch: 'signalbox/goal', sha: await api.remote.tip('signalbox/goal') },
    ],
    ['web', 'merge_and_push', { ...delivered, branch: 'main', sha: await web.remote.tip() }],
  ]);
});
