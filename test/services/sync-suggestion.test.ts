import { execFileSync } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Hub } from '../../src/git/hub.ts';
import { FAR_BEHIND } from '../../src/services/explain/sync-suggestion.ts';
import { FETCH_AGE_SECONDS, RemoteWatch } from '../../src/services/remote-watch.ts';
import { startTestService, type TestService, type TestServiceOptions } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type TestProject } from '../support/work.ts';

/** So many others push to the default branch. */
async function pushed({ remote }: TestProject, commits: number): Promise<string> {
  const commit = [
    'commit refs/heads/main',
    'committer Other <other@example.org> 1790000000 +0000',
    'data 5',
    'Other',
    '',
  ].join('\n');
  const first = commit.replace('Other\n', 'Other\nfrom refs/heads/main^0\n');
  execFileSync('git', ['fast-import', '--quiet'], {
    cwd: remote.dir,
    input: [first, ...Array.from({ length: commits - 1 }, () => commit)].join('\n'),
    env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  });
  return (await remote.tip()) ?? '';
}

async function running(options: TestServiceOptions = {}) {
  const service = await startTestService(options);
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const plan = { projects: [api, web], phases: [{ key: 'build', tasks: ['login'] }] };
  const work = await applyPlan(service, plan);
  await work.untilState('in_progress.running');
  let others = 0;
  /** Another initiative fetches what it begins on. */
  const fetched = async () => {
    const other = await applyPlan(service, { ...plan, key: `other-${(others += 1)}` });
    await other.untilState('in_progress.running');
  };
  const suggested = async () => (await work.explain('initiative', work.id)).suggestions;
  return { service, api, web, work, fetched, suggested };
}

async function fetchedAt({ database }: TestService, key: string): Promise<string> {
  const { rows } = await database.sql.query<{ at: Date }>(
    'SELECT fetched_at AS at FROM project WHERE key = $1',
    [key],
  );
  return rows[0]?.at.toISOString() ?? '';
}

/** The watch of another replica, whose rounds are made by hand, with what it has fetched and logged. */
function watchOver({ database, hubFolder }: TestService) {
  const log: unknown[] = [];
  const fetches: string[] = [];
  const hub = new Hub({ root: hubFolder, runner: new GitRunner() });
  const say = (fields: object, message: string) => void log.push({ ...fields, message });
  const watch = new RemoteWatch({
    sql: database.sql,
    hub: { fetch: (project, signal) => (fetches.push(project.id), hub.fetch(project, signal)) },
    runtime: { readiness: () => ({ ready: true }) as never },
    log: { info: say, warn: say },
    lookMs: 10,
  });
  onTestFinished(() => watch.stop());
  return { watch, log, fetches };
}

/** Every remote is due once more. */
const turn = (service: TestService, number: number) => service.passTime(number * (FETCH_AGE_SECONDS + 60));

test('a sync is suggested from so many commits on that the initiative lacks of a default branch, and not any more after it', async () => {
  const { service, api, work, fetched, suggested } = await running();
  const added = await fetchedAt(service, 'api');
  await pushed(api, FAR_BEHIND - 1);
  await fetched();
  expect(await suggested()).toEqual([]);

  const tip = await pushed(api, 1);
  // Nobody has fetched it yet, and an explanation does not.
  expect(await suggested()).toEqual([]);
  await fetched();
  expect(await suggested()).toEqual([
    {
      event: 'initiative.sync',
      text: expect.stringContaining(
        `api (${FAR_BEHIND} commits of main to ${tip.slice(0, 12)}, fetched at ${added} or later)`,
      ),
      projects: [{ key: 'api', branch: 'main', commits: FAR_BEHIND, isMore: false, tip, fetchedAt: added }],
    },
  ]);

  await work.tell('initiative', work.id, 'initiative.sync');
  await work.untilState('in_progress.running');
  expect(await suggested()).toEqual([]);
});

test('a sync is suggested only where the initiative takes it, and counting ends somewhere', async () => {
  const { api, web, work, fetched, suggested } = await running();
  await pushed(api, FAR_BEHIND);
  await pushed(web, 1_001);
  await fetched();
  expect((await suggested()).flatMap(({ projects }) => projects)).toMatchObject([
    { key: 'api', commits: FAR_BEHIND, isMore: false },
    { key: 'web', commits: 1_000, isMore: true },
  ]);

  await work.tell('initiative', work.id, 'initiative.pause');
  const paused = await work.explain('initiative', work.id);
  expect(paused).toMatchObject({ path: 'in_progress.paused', suggestions: [] });
  expect(paused.moves.map(({ event }) => event)).not.toContain('initiative.sync');

  await work.tell('initiative', work.id, 'initiative.resume');
  const resumed = await work.explain('initiative', work.id);
  expect(resumed.suggestions).toHaveLength(1);
  expect(resumed.moves).toContainEqual(
    expect.objectContaining({ event: 'initiative.sync', by: ['admin', 'operator'] }),
  );
  const [phase] = (await work.tree()).phases;
  expect((await work.explain('phase', phase?.id ?? '')).suggestions).toEqual([]);
});

test('a default branch that moves far away while one initiative runs is noticed, though nobody else fetches', async () => {
  const { service, api, work, suggested } = await running({ clock: { lookMs: 50 } });
  const added = await fetchedAt(service, 'api');
  const tip = await pushed(api, FAR_BEHIND);
  await turn(service, 1);
  const [suggestion] = await until('a suggestion', async () => {
    const found = await suggested();
    return found.length > 0 && found;
  });
  expect(suggestion?.projects).toMatchObject([{ key: 'api', commits: FAR_BEHIND, tip }]);
  await until('the time of it', async () => (await fetchedAt(service, 'api')) > added);

  // What is over has nothing to be synced.
  await work.tell('initiative', work.id, 'initiative.cancel');
  await work.untilState('canceled');
  await service.stop();
  const { watch, fetches } = watchOver(service);
  await turn(service, 2);
  await watch.look();
  expect(fetches).toEqual([]);
});

test('a remote that is away keeps no other from being fetched, and is logged once', async () => {
  const { service, api, web, suggested } = await running();
  const { watch, log, fetches } = watchOver(service);
  const added = await fetchedAt(service, 'api');
  await rename(api.remote.dir, `${api.remote.dir}.away`);
  const tip = await pushed(web, FAR_BEHIND);

  // They have just been cloned.
  await watch.look();
  expect(fetches).toEqual([]);
  await turn(service, 1);
  await watch.look();
  expect((await suggested()).flatMap(({ projects }) => projects)).toMatchObject([{ key: 'web', tip }]);
  expect(await fetchedAt(service, 'api')).toBe(added);
  const isAway = expect.objectContaining({ project: 'api', code: 'remote_not_a_repository' });
  expect(log).toEqual([isAway]);

  const next = await pushed(web, 1);
  await turn(service, 2);
  await watch.look();
  expect((await suggested())[0]?.projects).toMatchObject([{ key: 'web', tip: next }]);
  expect(log).toEqual([isAway]);

  await rename(`${api.remote.dir}.away`, api.remote.dir);
  await turn(service, 3);
  await watch.look();
  expect(log).toEqual([isAway, { project: 'api', message: 'the remote can be fetched again' }]);
});

test('a remote that hangs keeps nobody waiting at the stop', async () => {
  const { service } = await running();
  const { watch, log } = watchOver(service);
  const asked = Promise.withResolvers<Socket>();
  const silent = createServer((socket) => asked.resolve(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const { sql } = service.database;
  await sql.query('UPDATE project SET remote = $1', [`http://127.0.0.1:${port}/api.git`]);
  await turn(service, 1);
  watch.start();
  const socket = await asked.promise;
  const left = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await watch.stop();
  await left;
  expect(log).toEqual([]);
});

test('replicas share the remotes: a turn that one takes is left to it by the others', async () => {
  const { service } = await running();
  const { watch, fetches } = watchOver(service);
  await turn(service, 1);
  const { rows } = await service.database.sql.query<{ id: string }>(
    `SELECT id FROM project WHERE key = 'web'`,
  );
  const [web] = rows;
  await service.database.sql.transaction(async (sql) => {
    await sql.query(`UPDATE project SET fetch_begun_at = db_now() WHERE key = 'api'`);
    await watch.look();
    expect(fetches).toEqual([web?.id]);
  });
  await watch.look();
  expect(fetches).toEqual([web?.id]);
});
