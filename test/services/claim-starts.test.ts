import { expect, test } from 'vitest';
import { claim, claimOrNull, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { git, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

/** Two projects; `one` is claimed and pushed to both, `two` is ready. */
async function twoProjects() {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['one', 'two'] }],
  });
  const [first, second] = [await registerAgent(service, 'first'), await registerAgent(service, 'second')];
  const one = await claim(first, 'one');
  await pushFiles(first, one, { api: { 'one.ts': '1\n' }, web: { 'one.ts': '1\n' } });
  await work.untilTask('build', 'two', 'queued');
  const hubs = { api: api.hub, web: web.hub };
  const land = () => submit(first, one);
  return { service, work, second, land, hubs };
}

test('a claim during which a landing moves one project after the other starts from all of it', async () => {
  const { service, work, second, land, hubs } = await twoProjects();
  const reading = service.gates.hold('between-tips');
  const claiming = claimOrNull(second);
  await reading.reached;
  await land();
  await work.untilTask('build', 'one', 'completed');
  reading.release();

  const claimed = await claiming;
  const bases = Object.fromEntries((claimed?.projects ?? []).map(({ key, base }) => [key, base]));
  expect(bases).toEqual({ api: await tipOf(hubs.api, PHASE), web: await tipOf(hubs.web, PHASE) });
});

test('a claim that meets half of a landing is given nothing, and the task is free again at once', async () => {
  const { service, work, second, land, hubs } = await twoProjects();
  const reading = service.gates.hold('between-tips');
  const landing = service.gates.hold('between-commits');
  const claiming = claimOrNull(second);
  await reading.reached;
  await land();
  await landing.reached;
  reading.release();
  expect(await claiming).toBeNull();

  landing.release();
  await work.untilTask('build', 'one', 'completed');
  const { task, projects } = await claim(second, 'two');
  expect(task.attempt).toBe(1);
  expect(projects.map(({ base }) => base)).toEqual([
    await tipOf(hubs.api, PHASE),
    await tipOf(hubs.web, PHASE),
  ]);
});

test('a claim that the pause overtakes is given nothing, and the resume gives the same attempt', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['one'] }] });
  const agent = await registerAgent(service);
  await work.untilTask('build', 'one', 'queued');
  const begun = service.gates.hold('before-claim');
  const claiming = claimOrNull(agent);
  await begun.reached;
  await work.tell('initiative', work.id, 'initiative.pause');
  begun.release();

  expect(await claiming).toBeNull();
  expect((await work.task('build', 'one')).state).toBe('queued');
  await work.tell('initiative', work.id, 'initiative.resume');
  expect((await claim(agent, 'one')).task.attempt).toBe(1);
});

test('a claim that took longer than its reservation leaves the agent with the one task it got meanwhile', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['one', 'two'] }],
  });
  const [slow, other] = [await registerAgent(service, 'slow'), await registerAgent(service, 'other')];
  for (const key of ['one', 'two']) await work.untilTask('build', key, 'queued');
  const begun = service.gates.hold('before-claim');
  const claiming = claimOrNull(slow);
  await begun.reached;
  await service.database.sql.query(
    `UPDATE ready_task SET reserved_until = db_now() - interval '1 second' WHERE reserved_by IS NOT NULL`,
  );
  const others = service.gates.hold('before-claim');
  const othersClaim = claimOrNull(other);
  await others.reached;
  const second = await claimOrNull(slow);

  begun.release();
  expect((await claiming)?.lease.id).toBe(second?.lease.id);
  others.release();
  expect((await othersClaim)?.task.key).not.toBe(second?.task.key);
  const { rows } = await service.database.sql.query(
    'SELECT agent_id, count(*)::int AS held FROM lease GROUP BY agent_id ORDER BY agent_id',
  );
  expect(rows.map(({ held }) => held)).toEqual([1, 1]);
});

test('a first claim that is cut off between two projects leaves one beginning for all of them', async () => {
  const { service, work, second, land, hubs } = await twoProjects();
  const begun = service.gates.hold('before-claim');
  const claiming = claimOrNull(second);
  await begun.reached;
  const own = 'refs/heads/signalbox/goal/task/build/two';
  const born = await tipOf(hubs.api, own);
  // As a kill leaves it: one project has the branch and the other has not, and a landing comes before anybody claims again.
  await work.tell('initiative', work.id, 'initiative.pause');
  begun.release();
  expect(await claiming).toBeNull();
  await git(hubs.web, ['update-ref', '-d', own]);
  await work.tell('initiative', work.id, 'initiative.resume');
  await land();
  await work.untilTask('build', 'one', 'completed');

  const { projects } = await claim(second, 'two');
  expect(projects.map(({ base }) => base)).toEqual([born, expect.any(String)]);
  expect(await tipOf(hubs.web, own)).toBe(projects[1]?.base);
  expect(projects[1]?.base).not.toBe(await tipOf(hubs.web, PHASE));
});
