import { expect, test } from 'vitest';
import { claim, doTask, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { git, isContained, loseCommit, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

test('R1 a completed task is merged into the branch of its phase in every project of the initiative', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);

  const { heads } = await doTask(agent, 'login', {
    api: { 'login.ts': 'api\n' },
    web: { 'login.html': 'web\n' },
  });

  await work.untilTask('build', 'login', 'completed');
  for (const project of [api, web]) {
    expect(await isContained(project.hub, heads[project.key] ?? '', PHASE)).toBe(true);
  }
});

test('R2 landings on one phase are done one after the other, each on top of the one before', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['first', 'second', 'third'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const first = await claim(one, 'first');
  const second = await claim(two, 'second');
  const [firstHeads, secondHeads] = [
    await pushFiles(one, first, { api: { 'a.txt': 'a\n' } }),
    await pushFiles(two, second, { api: { 'b.txt': 'b\n' } }),
  ];
  const start = await tipOf(api.hub, PHASE);

  const held = service.gates.hold('after-intents');
  await submit(one, first);
  await held.reached;
  await submit(two, second);
  const { id } = await work.task('build', 'second');
  await until('the second landing to wait for the first', async () =>
    (await work.explain('task', id)).reasons.some(({ text }) => text.includes('waiting for another landing')),
  );
  expect(await tipOf(api.hub, PHASE)).toBe(start);
  held.release();

  await work.untilTask('build', 'second', 'completed');
  const parents = (await git(api.hub, ['rev-list', '--first-parent', '--parents', `${start}..${PHASE}`]))
    .split('\n')
    .map((line) => line.split(' ').slice(1));
  expect(parents).toEqual([
    [expect.any(String), secondHeads['api']],
    [start, firstHeads['api']],
  ]);
});

test('R3 skips a project to which a task pushed nothing', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const untouched = await web.remote.tip();

  const { heads } = await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'api\n' } });

  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(true);
  expect(await tipOf(web.hub, PHASE)).toBe(untouched);
});

test('R3 stops with source lost where recorded commits are gone, and moves nothing in the other projects', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['first', 'second'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [first, second] = [await claim(one, 'first'), await claim(two, 'second')];
  await pushFiles(one, first, { api: { 'a.txt': 'a\n' } });
  const heads = await pushFiles(two, second, { api: { 'b.txt': 'b\n' }, web: { 'b.txt': 'b\n' } });

  // While the first landing has the lane there is time to lose what the second has recorded.
  const held = service.gates.hold('before-merge');
  await submit(one, first);
  await held.reached;
  await submit(two, second);
  const { id } = await work.task('build', 'second');
  await until('the second landing to wait', async () =>
    (await work.explain('task', id)).reasons.some(({ text }) => text.includes('waiting for another landing')),
  );
  await loseCommit(web.hub, heads['web'] ?? '');
  held.release();

  const task = await work.untilTask('build', 'second', 'failed');
  expect(task.failure?.code).toBe('source_lost');
  expect(task.failure?.message).toContain('web');
  await work.untilTask('build', 'first', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(false);
  expect(await tipOf(web.hub, PHASE)).toBe(await web.remote.tip());
});
