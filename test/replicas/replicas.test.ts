import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { git, isContained } from '../support/git.ts';
import { mergesOf, until, World } from '../crash/world.ts';

// Two services, a dozen agents and their git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 180_000 });

let one: World | null = null;
let two: World | null = null;

afterEach(async () => {
  await two?.service?.stop();
  await one?.end();
  [one, two] = [null, null];
});

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

async function expectWholeAndOnce(here: World, phases: Readonly<Record<string, readonly string[]>>) {
  const { rows } = await here.database.sql.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM landing_intent WHERE state = 'open'`,
  );
  expect(rows[0]?.open).toBe(0);
  for (const key of here.keys) {
    const remote = here.remote(key);
    expect(await git(await here.hub(key), ['rev-parse', 'refs/heads/main'])).toBe(
      await git(remote, ['rev-parse', 'refs/heads/main']),
    );
    for (const [phase, tasks] of Object.entries(phases))
      for (const task of tasks)
        expect(await mergesOf(remote, 'refs/heads/main', `task work/${phase}/${task}`)).toBe(1);
  }
  for (const { project, commit } of here.pushed)
    expect(await isContained(here.remote(project), commit, 'refs/heads/main')).toBe(true);
}

test('two services on one database and one hub complete a plan whose tasks are claimed at both', async () => {
  const phases = { one: ['a', 'b', 'c', 'd', 'e', 'f'], two: ['g', 'h'] };
  one = await World.make(2);
  await one.start();
  two = await one.replica();
  const initiative = await one.plan([], {
    phases: [
      { key: 'one', title: 'One', tasks: phases.one.map((key) => ({ key, title: key })) },
      { key: 'two', title: 'Two', dependsOn: ['one'], tasks: phases.two.map((key) => ({ key, title: key })) },
    ],
  });
  const { token } = await one.ask<{ token: string }>('POST', '/v1/tokens', {
    name: 'agents',
    scope: 'agent',
  });
  one.agentToken = token;
  two.agentToken = token;

  const done = await Promise.all([agent(one, 2), agent(two, 2), agent(one, 2), agent(two, 2)]);

  expect(done.flat().toSorted()).toEqual([...phases.one, ...phases.two]);
  await two.approve(initiative);
  for (const here of [one, two])
    await until(
      'the initiative is completed',
      async () => (await here.tree(initiative)).state === 'completed',
    );
  expect(one.pushed).toHaveLength(16);
  await expectWholeAndOnce(one, phases);
});

test.each(['after-intents', 'between-commits'] as const)(
  'a service that is killed at %s leaves its landing to the other one, which finishes it',
  async (point) => {
    const here = await World.make(2);
    one = here;
    const dying = await here.start({
      point,
      nth: 1,
      // It is there and at work while the landing is under way.
      meanwhile: async () => {
        two = await here.replica();
      },
    });
    const initiative = await here.plan(['a']);
    await agent(here, 1);
    await dying.killed();
    const living = two;
    if (living === null) throw new Error('the other service was not started');

    await living.approve(initiative);

    await until(
      'the initiative is completed',
      async () => (await living.tree(initiative)).state === 'completed',
    );
    await expectWholeAndOnce(living, { one: ['a'] });
    const { rows } = await here.database.sql.query<{ opened_by: string; settled_by: string }>(
      `SELECT opened_by, settled_by FROM landing WHERE unit ->> 'kind' = 'task'`,
    );
    const instanceOf = async (folder: string) =>
      (await readFile(join(here.folder, folder, 'instance-id'), 'utf8')).trim();
    expect(rows.map((row) => [row.opened_by.split('/')[0], row.settled_by.split('/')[0]])).toEqual([
      [await instanceOf('data'), await instanceOf('replica')],
    ]);
  },
);
