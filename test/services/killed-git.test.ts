import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { claim, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { git } from '../support/git.ts';
import { somebodysGit } from '../support/git-environment.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type TestProject } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

/** The git children that hold locks in a hub repository, as the service has written them down. */
async function lockHolders(hub: string): Promise<number[]> {
  const notes = await readdir(path.join(hub, 'signalbox-children'));
  return notes.map((name) => Number(name.split('-')[0])).filter((pid) => pid > 0);
}

/** Takes one object out of a repository, with all refs and everything else in place; in one go, because the service uses it. */
function loseObject(dir: string, oid: string): void {
  const [packs, aside] = [path.join(dir, 'objects', 'pack'), path.join(dir, 'aside')];
  renameSync(packs, aside);
  mkdirSync(packs);
  for (const name of readdirSync(aside).filter((entry) => entry.endsWith('.pack')))
    execFileSync('git', ['unpack-objects', '-q'], {
      cwd: dir,
      env: somebodysGit(dir),
      input: readFileSync(path.join(aside, name)),
    });
  rmSync(path.join(dir, 'objects', oid.slice(0, 2), oid.slice(2)));
}

/** A landing of two projects, stopped by the end of its gits between the two commits; `meanwhile` is done before it goes on. */
async function killedHalfWay(
  meanwhile: (landing: { service: TestService; web: TestProject; head: string }) => Promise<void>,
): Promise<void> {
  const service = await startTestService();
  const projects = [await addProject(service, 'api'), await addProject(service, 'web')] as const;
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
  await meanwhile({ service, web: projects[1], head: heads['web'] ?? '' });
  held.release();

  await work.untilTask('build', 'one', 'completed');
  for (const { key, hub } of projects) {
    expect(await git(hub, ['cat-file', 'commit', PHASE])).toContain(`parent ${heads[key]}`);
  }
  await until('no intent is open', async () => {
    const { rows } = await service.database.sql.query(`SELECT FROM landing_intent WHERE state = 'open'`);
    return rows.length === 0 ? true : null;
  });
  expect((await claim(agent, 'two')).task.key).toBe('two');
}

test('a git that is killed between the commits of two repositories does not end the landing: it is rolled forward, and the phase goes on', async () => {
  await killedHalfWay(async () => undefined);
});

test('a landing that has begun is rolled forward also when what was handed in is not on record any more', async () => {
  await killedHalfWay(async ({ service }) => {
    await service.database.sql.query('DELETE FROM submission');
  });
});

test('a landing that has begun is rolled forward also when a commit that was handed in can not be read any more', async () => {
  await killedHalfWay(async ({ web, head }) => loseObject(web.hub, head));
});
