import { expect, onTestFinished, test } from 'vitest';
import { ServiceChild } from '../crash/service-child.ts';
import { claim, doTask, pushFiles, registerAgent, report, reportRefusal, submit } from '../support/agent.ts';
import { countMerges, filesAt, isContained, tipOf } from '../support/git.ts';
import { LEASE_SECONDS, startTestService } from '../support/service.ts';
import { addProject, applyPlan, stateText } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

test('F10 the task of an agent that crashed is neither completed nor merged, and another one gets it with the work so far', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const first = await claim(one, 'login');
  const half = await pushFiles(one, first, { api: { 'half.ts': 'half\n' } });
  const before = await tipOf(api.hub, PHASE);

  await report(one, first, 'stop', { reason: 'crashed' });

  await work.untilTask('build', 'login', 'queued');
  expect(await tipOf(api.hub, PHASE)).toBe(before);
  const second = await claim(two, 'login');
  expect(second.task.attempt).toBe(2);
  expect(second.projects[0]?.base).toBe(half['api']);
  await pushFiles(two, second, { api: { 'rest.ts': 'rest\n' } });
  await submit(two, second);
  await work.untilTask('build', 'login', 'completed');
  expect(Object.keys(await filesAt(api.hub, PHASE))).toEqual(['README.md', 'half.ts', 'rest.ts']);
});

test.each([
  ['stop', { reason: 'success' }],
  ['stop', { reason: 'crashed' }],
  ['submit', {}],
  ['fail', { message: 'too late' }],
] as const)('F10 a late %s %o of an old run does nothing to the new one', async (what, body) => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const first = await claim(one, 'login');
  await pushFiles(one, first, { api: { 'half.ts': 'half\n' } });
  await service.passTime(LEASE_SECONDS + 30);
  const second = await claim(two, 'login');
  const { version } = await work.task('build', 'login');

  expect(await reportRefusal(one, first, what, body)).toMatchObject({ code: 'lease_over', status: 409 });

  const task = await work.task('build', 'login');
  expect([stateText(task.state), task.version, task.attempt]).toEqual(['in_progress.working', version, 2]);
  await pushFiles(two, second, { api: { 'all.ts': 'all\n' } });
  await submit(two, second);
  await work.untilTask('build', 'login', 'completed');
});

test('F11 a service that is killed in the middle of a landing goes on at boot where it was, with nothing lost and nothing twice', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [
      { key: 'build', tasks: ['login', 'logout'] },
      { key: 'polish', dependsOn: ['build'], tasks: ['style'] },
    ],
  });
  const agent = await registerAgent(service, 'one');
  const other = await registerAgent(service, 'two');
  await claim(agent, 'login');
  await claim(other, 'logout');
  await service.stop();
  const where = { databaseUrl: service.database.url, dataFolder: service.dataFolder };
  const doomed = await ServiceChild.start(where);
  onTestFinished(() => doomed.stop());
  service.askAt(doomed.url);

  // Claims are answered again after a restart, with the same lease.
  const login = await claim(agent);
  const heads = await pushFiles(agent, login, { api: { 'login.ts': 'a\n' }, web: { 'login.html': 'w\n' } });
  doomed.killAt({ point: 'between-commits' });
  await submit(agent, login);
  await doomed.killed();

  const revived = await ServiceChild.start(where);
  onTestFinished(() => revived.stop());
  service.askAt(revived.url);
  await work.untilTask('build', 'login', 'completed');
  for (const project of [api, web]) {
    expect(await isContained(project.hub, heads[project.key] ?? '', PHASE)).toBe(true);
    expect(await countMerges(project.hub, `${await project.remote.tip()}..${PHASE}`)).toBe(1);
  }

  // The other agent still holds its lease, and everything after it goes on.
  const logout = await claim(other);
  expect(logout.task).toMatchObject({ key: 'logout', attempt: 1 });
  await pushFiles(other, logout, { api: { 'logout.ts': 'o\n' } });
  await submit(other, logout);
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  await doTask(agent, 'style', { web: { 'style.css': 'blue\n' } });
  await work.untilPhase('polish', 'pending_review.open');
});
