import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Initiative } from '../crash/initiative.ts';
import { oncePerWorld, sharedWorlds } from '../crash/shared-worlds.ts';
import { until } from '../support/until.ts';
import { unitsOn, type World } from '../crash/world.ts';
import { git, isContained } from '../support/git.ts';

// Two services, a dozen agents and their git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 180_000 });

const worldOf = sharedWorlds();

/** The other service, and one token for the agents of both. */
const otherOf = oncePerWorld(async (one) => {
  const other = await one.replica();
  const { token } = await one.ask<{ token: string }>('POST', '/v1/tokens', {
    name: 'agents',
    scope: 'agent',
  });
  one.agentToken = token;
  other.agentToken = token;
  return other;
});

/** Two services at work on one database and one hub; one that a test before has killed is started again. */
async function twoServices(): Promise<[World, World]> {
  const one = await worldOf(2);
  const both: [World, World] = [one, await otherOf(one)];
  for (const here of both) if (here.service?.isAlive !== true) await here.start();
  return both;
}

/** Claims, works and submits so many tasks, one after the other, at the service of `here`. */
async function agent(here: World, tasks: number): Promise<string[]> {
  const done: string[] = [];
  while (done.length < tasks) {
    const claim = await here.claim();
    await here.work(claim, (dir) => writeFile(join(dir, `${claim.task.key}.txt`), `${claim.task.key}\n`));
    await here.submit(claim);
    done.push(claim.task.key);
  }
  return done;
}

async function untilCompleted(here: World, initiative: string): Promise<void> {
  await until('the initiative is completed', async () => (await here.tree(initiative)).state === 'completed');
}

test('two services on one database and one hub complete a plan whose tasks are claimed at both', async () => {
  const phases = { one: ['a', 'b', 'c', 'd', 'e', 'f'], two: ['g', 'h'] };
  const [one, two] = await twoServices();
  const initiative = await one.plan([], {
    phases: [
      { key: 'one', title: 'One', tasks: phases.one.map((key) => ({ key, title: key })) },
      { key: 'two', title: 'Two', dependsOn: ['one'], tasks: phases.two.map((key) => ({ key, title: key })) },
    ],
  });

  const done = await Promise.all([agent(one, 2), agent(two, 2), agent(one, 2), agent(two, 2)]);

  expect(done.flat().toSorted()).toEqual([...phases.one, ...phases.two]);
  await two.approve(initiative);
  for (const here of [one, two]) await untilCompleted(here, initiative);
  expect(one.pushed).toHaveLength(16);
  const { rows } = await one.database.sql.query(`SELECT FROM landing_intent WHERE state = 'open'`);
  expect(rows).toHaveLength(0);
  const units = Object.entries(phases).flatMap(([phase, tasks]) => [
    `phase work/${phase}`,
    ...tasks.map((task) => `task work/${phase}/${task}`),
  ]);
  for (const key of one.keys) {
    const remote = one.remote(key);
    expect(await unitsOn(remote, 'refs/heads/main')).toEqual(['initiative work', ...units].toSorted());
    expect(await git(await one.hub(key), ['rev-parse', 'refs/heads/main'])).toBe(
      await git(remote, ['rev-parse', 'refs/heads/main']),
    );
  }
  for (const { project, commit } of one.pushed)
    expect(await isContained(one.remote(project), commit, 'refs/heads/main')).toBe(true);
});

/** Both may take the landing: the one that does dies at the point, and the other goes on past it. */
function killOneAt(point: 'after-intents' | 'between-commits', both: [World, World]): () => Promise<World> {
  let dying: World | null = null;
  for (const here of both)
    here.service?.killAt({
      point,
      meanwhile: async () => {
        dying = here;
        for (const { service } of both) service?.killAt(null);
      },
    });
  return async () => {
    const dead = await until('one of them has taken the landing', async () => dying);
    await dead.service?.killed();
    return dead;
  };
}

test.each(['after-intents', 'between-commits'] as const)(
  'a service that is killed at %s leaves its landing to the other one, which finishes it',
  async (point) => {
    const both = await twoServices();
    const initiative = await Initiative.plan(both[0], point, ['a']);
    const claim = await initiative.claim();
    await initiative.work(claim, (dir) => writeFile(join(dir, `${point}.txt`), 'a\n'));
    const killed = killOneAt(point, both);
    await both[0].submit(claim);
    const dead = await killed();
    const living = dead === both[0] ? both[1] : both[0];

    await living.approve(initiative.id);

    await untilCompleted(living, initiative.id);
    await initiative.expectLandedOnce(['a']);
    await initiative.expectDeliveredOnce(['a']);
    const { rows } = await living.database.sql.query<{ opened_by: string; settled_by: string }>(
      `SELECT opened_by, settled_by FROM landing WHERE unit ->> 'id' = $1`,
      [claim.task.id],
    );
    const instanceOf = async ({ dataFolder }: World) =>
      (await readFile(join(dataFolder, 'instance-id'), 'utf8')).trim();
    expect(rows.map((row) => [row.opened_by.split('/')[0], row.settled_by.split('/')[0]])).toEqual([
      [await instanceOf(dead), await instanceOf(living)],
    ]);
  },
);
