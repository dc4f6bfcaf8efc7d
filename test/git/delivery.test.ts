import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PgDeliveryStore } from '../../src/db/delivery-store.ts';
import { type BoundaryPoint, deliveryPoints } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import type {
  DeliveryPorts,
  DeliveryProject,
  DeliveryRecord,
  DeliveryRequest,
  DeliveryResult,
  DeliveryStrategy,
} from '../../src/git/delivery-types.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { Hub } from '../../src/git/hub.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { Crash, unit } from './landing-support.ts';
import { author, Bench, git, runner, tempFolder } from './support.ts';

interface Target {
  id: string;
  remote: Bench;
  hubDir: string;
  base: string;
  source: string;
  project: DeliveryProject;
}

const pushBranch = 'signalbox/i';
const initiative = 'refs/heads/signalbox/i/initiative';
let database: TestDatabase;
let hub: Hub;
const hit = new Set<BoundaryPoint>();
beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  hub = new Hub({ root: join(tempFolder(), 'hub'), runner });
});
afterAll(() => database.close());

async function target(
  id: string,
  strategy: DeliveryStrategy = 'merge_and_push',
  files: Record<string, string> = { [`${id}.txt`]: `${id}\n` },
): Promise<Target> {
  const remote = new Bench(`${id}-remote`);
  const base = remote.commit('refs/heads/main', null, { 'shared.txt': 'one\ntwo\nthree\n' });
  const repository = await hub.ensure({ id, remote: remote.dir, defaultBranch: 'main' });
  const source = remote.commit('refs/heads/made-by-agents', base, files, 'Initiative work');
  git(repository.dir, 'fetch', '--quiet', remote.dir, `+refs/heads/made-by-agents:${initiative}`);
  git(remote.dir, 'update-ref', '-d', 'refs/heads/made-by-agents');
  const project = {
    projectId: id,
    repository,
    remote: remote.dir,
    defaultBranch: 'main',
    strategy,
    source,
    pushBranch,
  };
  return { id, remote, hubDir: repository.dir, base, source, project };
}

function requestFor(targets: readonly Target[]): DeliveryRequest {
  return {
    effectId: randomUUID(),
    attempt: 1,
    unit: { ...unit, kind: 'initiative', key: 'i' },
    author,
    projects: targets.map(({ project }) => project),
  };
}

function ports(overrides: Partial<DeliveryPorts> = {}): DeliveryPorts {
  return {
    store: new PgDeliveryStore(database.sql),
    engine: new GitMergeEngine(),
    boundary: async (point) => void hit.add(point),
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    ...overrides,
  };
}

async function deliverUntil(point: BoundaryPoint, request: DeliveryRequest): Promise<void> {
  const boundary = async (reached: BoundaryPoint): Promise<void> => {
    hit.add(reached);
    if (reached === point) throw new Crash(point);
  };
  await expect(deliver(request, ports({ boundary }))).rejects.toBeInstanceOf(Crash);
}

function refuseEveryPush(remote: Bench): void {
  mkdirSync(join(remote.dir, 'hooks'), { recursive: true });
  writeFileSync(
    join(remote.dir, 'hooks', 'pre-receive'),
    '#!/bin/sh\necho "no pushes on Sundays" >&2\nexit 1\n',
  );
  chmodSync(join(remote.dir, 'hooks', 'pre-receive'), 0o755);
}

function mergesOf(one: Target, ref = 'refs/heads/main'): number {
  return git(one.remote.dir, 'rev-list', '--parents', ref)
    .split('\n')
    .filter((line) => line.split(' ').slice(1).includes(one.source)).length;
}

describe('a delivery', () => {
  it('merges into the default branch of one remote and pushes the branch to another', async () => {
    const [api, web] = [await target('api'), await target('web', 'push_branch')];
    const result = await deliver(requestFor([api, web]), ports());
    expect(result).toMatchObject({
      result: 'delivered',
      projects: [
        { projectId: 'api', result: 'merged', before: api.base, state: 'delivered' },
        { projectId: 'web', result: 'pushed', before: null, after: web.source, state: 'delivered' },
      ],
    });
    expect(mergesOf(api)).toBe(1);
    expect([web.remote.tip(`refs/heads/${pushBranch}`), web.remote.tip('refs/heads/main')]).toEqual([
      web.source,
      web.base,
    ]);
  });

  it("lets the hub's default branch follow after the remote has it", async () => {
    const api = await target('api');
    let seen = '';
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push') seen = git(api.hubDir, 'rev-parse', 'refs/heads/main');
    };
    await deliver(requestFor([api]), ports({ boundary }));
    expect(seen).toBe(api.base);
    expect(git(api.hubDir, 'rev-parse', 'refs/heads/main')).toBe(api.remote.tip('refs/heads/main'));
  });

  it('pushes nothing anywhere when one remote conflicts', async () => {
    const [api, web] = [
      await target('api'),
      await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
    ];
    const theirs = web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    expect(await deliver(requestFor([api, web]), ports())).toMatchObject({
      result: 'conflict',
      conflicts: [
        {
          projectId: 'web',
          target: theirs,
          source: web.source,
          conflicts: [{ path: 'shared.txt', type: 'CONFLICT (contents)' }],
        },
      ],
    });
    expect([api.remote.tip('refs/heads/main'), web.remote.tip('refs/heads/main')]).toEqual([
      api.base,
      theirs,
    ]);
  });

  it('pushes nothing anywhere when one remote can not be reached', async () => {
    const [api, web] = [await target('api'), await target('web')];
    web.project = { ...web.project, remote: 'http://127.0.0.1:9/gone.git' };
    await expect(deliver(requestFor([api, web]), ports())).rejects.toMatchObject({
      code: 'remote_unreachable',
    });
    expect(api.remote.tip('refs/heads/main')).toBe(api.base);
  });

  it('merges with what the remote has gained since', async () => {
    const api = await target('api');
    const gained = api.remote.commit('refs/heads/main', api.base, { 'gained.txt': 'gained\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ before: gained }],
    });
    expect(api.remote.show(api.remote.tip('refs/heads/main') ?? '', 'gained.txt')).toBe('gained');
  });

  it('fetches and merges again when the remote moves between probe and push, and overwrites nothing', async () => {
    const api = await target('api');
    let gained = '';
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push')
        gained = api.remote.commit('refs/heads/main', api.base, { 'gained.txt': 'gained\n' });
    };
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'delivered',
      projects: [{ before: gained }],
    });
    expect(git(api.remote.dir, 'rev-list', 'refs/heads/main').split('\n')).toContain(gained);
  });

  it('gives the conflict when the remote moves before the push and then conflicts', async () => {
    const api = await target('api', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' });
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push')
        api.remote.commit('refs/heads/main', api.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    };
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'conflict',
      conflicts: [{ projectId: 'api' }],
    });
  });

  it('has nothing to do for a project without work', async () => {
    const api = await target('api');
    api.project = { ...api.project, source: null };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ result: 'empty' }],
    });
    expect(api.remote.tip('refs/heads/main')).toBe(api.base);
  });

  it('does not call a remote without any work a partial delivery when another conflicts', async () => {
    const [api, web] = [
      await target('api'),
      await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
    ];
    api.project = { ...api.project, source: api.base };
    web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    expect(await deliver(requestFor([api, web]), ports())).toMatchObject({ result: 'conflict' });
  });

  it('stops as source_lost when the approved head is gone', async () => {
    const api = await target('api');
    api.project = { ...api.project, source: '2'.repeat(40) };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'source_lost',
      projects: [{ projectId: 'api', expected: '2'.repeat(40) }],
    });
  });

  it('stops as unrelated when the remote shares no history', async () => {
    const api = await target('api');
    const other = api.remote.commit('refs/heads/main', null, { 'other.txt': 'other\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'unrelated',
      projects: [{ expected: other, found: api.source }],
    });
  });

  it('refuses a push branch on which somebody else has worked', async () => {
    const api = await target('api', 'push_branch');
    const theirs = api.remote.commit(`refs/heads/${pushBranch}`, api.base, { 'theirs.txt': 'theirs\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_branch_diverged', state: 'refused' }],
    });
    expect(api.remote.tip(`refs/heads/${pushBranch}`)).toBe(theirs);
  });

  it('says that the default branch is missing', async () => {
    const api = await target('api');
    git(api.remote.dir, 'update-ref', '-d', 'refs/heads/main');
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'default_branch_missing' }],
    });
  });

  it('refuses a remote that its scheme does not allow', async () => {
    const api = await target('api');
    api.project = { ...api.project, remote: 'ext::sh -c evil' };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_scheme_not_allowed' }],
    });
  });
});

describe('a remote whose branch is checked out', () => {
  async function laptop(strategy: DeliveryStrategy): Promise<Target & { path: string }> {
    const api = await target('api', strategy);
    const path = join(tempFolder(), 'laptop');
    git(api.remote.dir, 'clone', '--quiet', '--branch', 'main', api.remote.dir, path);
    api.project = { ...api.project, remote: path };
    return { ...api, path };
  }

  it('is refused for merge_and_push, with the way out', async () => {
    const api = await laptop('merge_and_push');
    const result = await deliver(requestFor([api]), ports());
    expect(result).toMatchObject({
      result: 'refused',
      projects: [
        {
          code: 'remote_branch_checked_out',
          message: expect.stringContaining('use push_branch, or a bare remote'),
        },
      ],
    });
    expect(git(api.path, 'rev-parse', 'main')).toBe(api.base);
  });

  it('takes push_branch', async () => {
    const api = await laptop('push_branch');
    expect(await deliver(requestFor([api]), ports())).toMatchObject({ result: 'delivered' });
    expect(git(api.path, 'rev-parse', pushBranch)).toBe(api.source);
  });

  it("is recognized by git's refusal where it can not be seen", async () => {
    const api = await laptop('merge_and_push');
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push') git(api.path, 'checkout', '--quiet', 'main');
    };
    git(api.path, 'checkout', '--quiet', '--detach');
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_branch_checked_out' }],
    });
  });
});

describe('a refusal after a first success', () => {
  it('is partially_delivered with a record per project, and running it again delivers the rest (F9)', async () => {
    const targets = [await target('api'), await target('web'), await target('docs')];
    const [api, web, docs] = targets as [Target, Target, Target];
    refuseEveryPush(web.remote);
    const result: DeliveryResult = await deliver(requestFor(targets), ports());
    expect(result).toMatchObject({
      result: 'partially_delivered',
      projects: [
        { projectId: 'api', state: 'delivered' },
        {
          projectId: 'web',
          state: 'refused',
          code: 'remote_refused',
          message: expect.stringContaining('pre-receive hook declined'),
        },
        { projectId: 'docs', state: 'prepared' },
      ],
    });
    expect(docs.remote.tip('refs/heads/main')).toBe(docs.base);
    chmodSync(join(web.remote.dir, 'hooks', 'pre-receive'), 0o644);
    expect(await deliver(requestFor(targets), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ result: 'already' }, { result: 'merged' }, { result: 'merged' }],
    });
    expect([api, web, docs].map((one) => mergesOf(one))).toEqual([1, 1, 1]);
  });

  it('is refused, with nothing delivered, when it is the first', async () => {
    const targets = [await target('api'), await target('web')];
    const [first, second] = targets as [Target, Target];
    refuseEveryPush(first.remote);
    expect(await deliver(requestFor(targets), ports())).toMatchObject({
      result: 'refused',
      projects: [{ state: 'refused' }, { state: 'prepared' }],
    });
    expect(second.remote.tip('refs/heads/main')).toBe(second.base);
  });
});

describe.each([1, 3])('a crash of a delivery to %i remote(s)', (count) => {
  it.each(deliveryPoints.filter((point) => count > 1 || point !== 'between-pushes'))(
    'at %s is delivered by the next attempt, once',
    async (point) => {
      const targets: Target[] = [];
      for (const id of ['a1', 'b1', 'c1'].slice(0, count)) targets.push(await target(id));
      const request = requestFor(targets);
      await deliverUntil(point, request);
      expect(await deliver({ ...request, attempt: 2 }, ports())).toMatchObject({
        result: 'delivered',
        projects: targets.map(() => ({ state: 'delivered', result: 'merged' })),
      });
      expect(targets.map((one) => mergesOf(one))).toEqual(targets.map(() => 1));
    },
  );
});

it('after a crash pushes the commit that was prepared, not another one', async () => {
  const api = await target('api');
  const request = requestFor([api]);
  await deliverUntil('before-push', request);
  const [stored] = await new PgDeliveryStore(database.sql).load(request.effectId);
  await deliver({ ...request, attempt: 2 }, ports());
  expect(api.remote.tip('refs/heads/main')).toBe(stored?.after);
});

it('an older attempt can not overwrite the records of a newer one', async () => {
  const store = new PgDeliveryStore(database.sql);
  const api = await target('api');
  const request = requestFor([api]);
  await deliver({ ...request, attempt: 2 }, ports());
  const [record] = await store.load(request.effectId);
  await expect(
    store.save(request.effectId, 1, [{ ...record, state: 'refused' } as DeliveryRecord]),
  ).rejects.toMatchObject({
    code: 'landing_superseded',
  });
  expect(await store.load(request.effectId)).toEqual([record]);
});

it('every boundary of a delivery was reached', () => {
  expect([...hit].toSorted()).toEqual([...deliveryPoints].toSorted());
});
