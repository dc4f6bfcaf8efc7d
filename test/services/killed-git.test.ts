import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { claim, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { isContained } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

/** The git children that hold locks in a hub repository, as the service has written them down. */
async function lockHolders(hub: string): Promise<number[]> {
  const notes = await readdir(path.join(hub, 'signalbox-children'));
  return notes.map((name) => Number(name.split('-')[0])).filter((pid) => pid > 0);
}

test('a git that is killed between the commits of two repositories does not end the landing: it is rolled forward, and the phase goes on', async () => {
  const service = await startTestService();
  const projects = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, { projects, phases: [{ key: 'build', tasks: ['one', 'two'] }] });
  const agent = await registerAgent(service, 'agent');
  const claimed = await claim(agent, 'one');
  const heads = await pushFiles(agent, claimed, { api: { 'one.txt': '1\n' }, web: { 'one.txt': '1\n' } });
  const held = service.gates.hold('between-commits');
  await submit(agent, claimed);
  await held.reached;
  const victims = (await Promise.all(projects.map(({ hub }) => lockHolders(hub)))).flat();
  expect(victims.length).toBeGreaterThan(0);
  for (const pid of victims) process.kill(pid, 'SIGKILL');
  held.release();

  await work.untilTask('build', 'one', 'completed');
  for (const { key, hub } of projects) expect(await isContained(hub, heads[key] ?? '', PHASE)).toBe(true);
  await until('no intent is open', async () => {
    const { rows } = await service.database.sql.query(`SELECT FROM landing_intent WHERE state = 'open'`);
    return rows.length === 0 ? true : null;
  });
  expect((await claim(agent, 'two')).task.key).toBe('two');
});
