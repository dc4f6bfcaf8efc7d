import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Hub } from '../../src/git/hub.ts';
import { type GitChild, type GitCommand, GitRunner } from '../../src/git/git-runner.ts';
import type { HubGrant } from '../../src/git/hub-types.ts';
import { client, type HubServer, serveHub } from './hub-support.ts';
import { Bench, git, runner, tempFolder } from './support.ts';

const attempt = 'refs/heads/signalbox/i/attempt/p/t/1';
const secret = 'refs/heads/signalbox/other/initiative';
const projectId = 'a1';
let hub: Hub;
let served: HubServer;
let hubDir: string;
let base: string;
let work: string;
let owned: string[];

function grant(push: HubGrant['push'], readRefs: string[] = ['refs/heads/main']): HubGrant {
  return { projectId, readRefs, push, user: 'lease-1' };
}

function tip(ref: string): string {
  return git(hubDir, 'for-each-ref', '--format=%(objectname)', ref);
}

async function commit(content: string): Promise<string> {
  writeFileSync(join(work, 'work.txt'), content);
  git(work, 'add', 'work.txt');
  git(work, 'commit', '-qm', `Work ${content.slice(0, 10)}`);
  return git(work, 'rev-parse', 'HEAD');
}

beforeEach(async () => {
  owned = [];
  const remote = new Bench('remote');
  base = remote.commit('refs/heads/main', null, { 'README.md': 'hello\n' });
  const root = join(tempFolder(), 'hub');
  hub = new Hub({ root, runner, ownedRefs: async () => owned, http: { maxBodyBytes: 3 * 1024 * 1024 } });
  await hub.ensure({ id: projectId, remote: remote.dir, defaultBranch: 'main' });
  hubDir = join(root, `${projectId}.git`);
  git(
    hubDir,
    'update-ref',
    secret,
    remote.commit('refs/heads/x', base, { 'secret.txt': 'secret\n' }) && base,
  );
  served = await serveHub(hub, grant({ mode: 'attempt', ref: attempt }));
  const folder = tempFolder();
  expect(await client(folder, 'clone', '--quiet', served.url, 'work')).toMatchObject({ code: 0 });
  work = join(folder, 'work');
  git(work, 'config', 'user.email', 'agent@example.test');
});
afterEach(() => served.close());

describe('a fetch', () => {
  it.each(['0', '1', '2'])('shows only the granted refs under protocol %s', async (version) => {
    const { code, output } = await client(work, '-c', `protocol.version=${version}`, 'ls-remote', served.url);
    expect(code).toBe(0);
    const refs = output
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[1]);
    expect(new Set(refs)).toEqual(new Set(['HEAD', 'refs/heads/main']));
  });

  it('can not ask for a commit by its id', async () => {
    const hidden = git(hubDir, 'commit-tree', '-m', 'hidden', git(hubDir, 'rev-parse', `${base}^{tree}`));
    git(hubDir, 'update-ref', 'refs/heads/hidden', hidden);
    for (const version of ['0', '2']) {
      expect(
        (await client(work, '-c', `protocol.version=${version}`, 'fetch', served.url, hidden)).code,
      ).not.toBe(0);
    }
  });

  it('brings the attempt of an earlier agent when it is granted', async () => {
    git(hubDir, 'update-ref', attempt, base);
    served.grant = grant(null, [attempt]);
    expect(await client(work, 'fetch', served.url, attempt)).toMatchObject({ code: 0 });
  });
});

describe('a push under a living lease', () => {
  it('moves the one granted ref', async () => {
    const oid = await commit('one');
    expect(await client(work, 'push', served.url, `HEAD:${attempt}`)).toMatchObject({ code: 0 });
    expect(tip(attempt)).toBe(oid);
  });

  it('is taken after the Node that the service runs on was pulled away, by the one that is kept for the hub', async () => {
    const folder = tempFolder();
    const [brought, kept] = [join(folder, 'node_modules/node'), join(folder, 'kept/node')];
    for (const file of [brought, kept]) mkdirSync(dirname(file));
    writeFileSync(brought, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    linkSync(brought, kept);
    const execPath = process.execPath;
    onTestFinished(() => void (process.execPath = execPath));
    process.execPath = brought;
    const keeping = new Hub({ root: join(hubDir, '..'), runner, node: kept });
    await keeping.prepare();
    const push = await serveHub(keeping, served.grant);
    onTestFinished(() => push.close());
    rmSync(dirname(brought), { recursive: true });
    const oid = await commit('one');
    expect(await client(work, 'push', push.url, `HEAD:${attempt}`)).toMatchObject({ code: 0 });
    expect(tip(attempt)).toBe(oid);
  });

  it('of a compressed and large body passes through unread', async () => {
    writeFileSync(join(work, 'big.bin'), randomBytes(1_500_000));
    git(work, 'add', 'big.bin');
    const oid = await commit('big');
    expect(
      await client(work, '-c', 'http.postBuffer=65536', 'push', served.url, `HEAD:${attempt}`),
    ).toMatchObject({ code: 0 });
    expect(tip(attempt)).toBe(oid);
  });

  it.each([
    'refs/heads/main',
    'refs/heads/signalbox/i/attempt/p/t/2',
    'refs/heads/signalbox/i/phase/p',
    'refs/tags/v1',
    'refs/heads/--upload-pack=x',
  ])('refuses %s, with a reason, and keeps no object of it', async (ref) => {
    const oid = await commit('elsewhere');
    const before = git(hubDir, 'for-each-ref');
    const { code, output } = await client(work, 'push', served.url, `HEAD:${ref}`);
    expect(code).not.toBe(0);
    expect(output).toContain('push_ref_not_granted');
    expect(git(hubDir, 'for-each-ref')).toBe(before);
    expect(() => git(hubDir, 'cat-file', '-e', oid)).toThrow();
  });

  it.each(['refs/signalbox/keep/x', 'refs/remotes/origin/main'])(
    "refuses the service's own %s",
    async (ref) => {
      await commit('own');
      expect((await client(work, 'push', '--force', served.url, `HEAD:${ref}`)).code).not.toBe(0);
      expect(tip('refs/signalbox/keep')).toBe('');
      expect(tip('refs/remotes/origin/main')).toBe(base);
    },
  );

  it('refuses all of it when one ref of several is wrong', async () => {
    await commit('both');
    expect(
      (await client(work, 'push', served.url, `HEAD:${attempt}`, 'HEAD:refs/heads/extra')).code,
    ).not.toBe(0);
    expect([tip(attempt), tip('refs/heads/extra')]).toEqual(['', '']);
  });

  it('refuses to delete', async () => {
    const oid = await commit('kept');
    await client(work, 'push', served.url, `HEAD:${attempt}`);
    const { code, output } = await client(work, 'push', served.url, `:${attempt}`);
    expect(code).not.toBe(0);
    expect(output).toMatch(/push_delete_refused|deletion prohibited/);
    expect(tip(attempt)).toBe(oid);
  });

  it('may rewrite its own attempt, and the old tip is kept', async () => {
    const old = await commit('first');
    await client(work, 'push', served.url, `HEAD:${attempt}`);
    git(work, 'commit', '-q', '--amend', '-m', 'rewritten');
    const rewritten = git(work, 'rev-parse', 'HEAD');
    expect((await client(work, 'push', served.url, `HEAD:${attempt}`)).code).not.toBe(0);
    expect(await client(work, 'push', '--force', served.url, `HEAD:${attempt}`)).toMatchObject({ code: 0 });
    expect(tip(attempt)).toBe(rewritten);
    expect(tip(`refs/signalbox/keep/rewritten/${old}`)).toBe(old);
  });

  it('refuses a ref that an open intent owns', async () => {
    owned = [attempt];
    await commit('owned');
    const { code } = await client(work, 'push', served.url, `HEAD:${attempt}`);
    expect(code).not.toBe(0);
    expect(tip(attempt)).toBe('');
  });

  it('of two at once takes one and tells the other', async () => {
    await commit('start');
    await client(work, 'push', served.url, `HEAD:${attempt}`);
    const second = join(tempFolder(), 'second');
    git(tempFolder(), 'clone', '--quiet', work, second);
    writeFileSync(join(second, 'second.txt'), 'second\n');
    git(second, 'add', '.');
    git(second, 'commit', '-qm', 'second');
    const oid = await commit('next');
    const results = await Promise.all([
      client(work, 'push', served.url, `HEAD:${attempt}`),
      client(second, 'push', served.url, `HEAD:${attempt}`),
    ]);
    expect(results.filter(({ code }) => code === 0)).toHaveLength(1);
    expect(tip(attempt)).toBe(results[0]?.code === 0 ? oid : git(second, 'rev-parse', 'HEAD'));
  });

  it('refuses what is larger than the limit, with a body of known and of unknown length', async () => {
    writeFileSync(join(work, 'huge.bin'), randomBytes(4 * 1024 * 1024));
    git(work, 'add', 'huge.bin');
    await commit('huge');
    for (const [buffer, reason] of [
      ['65536', 'pack exceeds maximum allowed size'],
      ['16777216', 'HTTP 413'],
    ]) {
      const push = ['-c', `http.postBuffer=${buffer}`, 'push', served.url, `HEAD:${attempt}`];
      const { code, output } = await client(work, ...push);
      expect(code).not.toBe(0);
      // The client hears why, instead of waiting on a connection that was reset.
      expect(output).toContain(reason);
    }
    expect(tip(attempt)).toBe('');
  });

  it('refuses a damaged object', async () => {
    const tree = git(work, 'rev-parse', 'HEAD^{tree}');
    const raw = `tree ${tree}\nauthor broken\ncommitter broken\n\nno dates\n`;
    writeFileSync(join(work, 'raw'), raw);
    const oid = git(work, 'hash-object', '-t', 'commit', '-w', '--literally', 'raw');
    const { code, output } = await client(work, 'push', served.url, `${oid}:${attempt}`);
    expect(code).not.toBe(0);
    expect(output).toMatch(/fsck|unpack|index-pack|malformed|missing/i);
    expect(tip(attempt)).toBe('');
  });

  it('leaves no note of a child behind', async () => {
    await commit('note');
    await client(work, 'push', served.url, `HEAD:${attempt}`);
    await expect
      .poll(() =>
        existsSync(join(hubDir, 'signalbox-children')) ? readdirSync(join(hubDir, 'signalbox-children')) : [],
      )
      .toEqual([]);
  });
});

describe('a push under a lease that is over', () => {
  const keepAs = 'refs/signalbox/late/task-1/1';
  beforeEach(() => {
    served.grant = grant({ mode: 'late', ref: attempt, keepAs });
  });

  it('is kept aside, reported as accepted, and says so', async () => {
    const oid = await commit('late');
    const { code, output } = await client(work, 'push', served.url, `HEAD:${attempt}`);
    expect({ code, kept: tip(keepAs), moved: tip(attempt) }).toEqual({ code: 0, kept: oid, moved: '' });
    expect(output).toContain(`This push is kept as ${keepAs}`);
  });

  it('keeps the earlier one when it comes twice', async () => {
    const first = await commit('late');
    await client(work, 'push', served.url, `HEAD:${attempt}`);
    git(work, 'commit', '-q', '--amend', '-m', 'late again');
    await client(work, 'push', '--force', served.url, `HEAD:${attempt}`);
    expect(tip(keepAs)).toBe(git(work, 'rev-parse', 'HEAD'));
    expect(tip(`refs/signalbox/keep/rewritten/${first}`)).toBe(first);
  });

  it('refuses any ref but its own', async () => {
    await commit('late');
    expect((await client(work, 'push', served.url, 'HEAD:refs/heads/main')).code).not.toBe(0);
    expect([tip(keepAs), tip('refs/heads/main')]).toEqual(['', base]);
  });
});

describe('a request that is none of git', () => {
  it('without a push grant gets 403 for a push and can still fetch', async () => {
    served.grant = grant(null);
    await commit('none');
    const { code, output } = await client(work, 'push', served.url, `HEAD:${attempt}`);
    expect(code).not.toBe(0);
    expect(output).toContain('403');
    expect(await client(work, 'ls-remote', served.url)).toMatchObject({ code: 0 });
  });

  it.each([
    '/HEAD',
    '/objects/info/packs',
    '/info/refs',
    '/info/refs?service=git-evil',
    '/config',
    '/../a1.git/config',
  ])('for %s gets 404', async (path) => {
    expect(await statusOf(`${served.url}${path}`)).toBe(404);
  });

  it('of a client that leaves while git is being started keeps no git', async () => {
    let child: GitChild | undefined;
    const left = Promise.withResolvers<void>();
    class Slow extends GitRunner {
      override async start(command: GitCommand): Promise<GitChild> {
        child = await super.start(command);
        await left.promise;
        await sleep(50);
        return child;
      }
    }
    const slow = await serveHub(new Hub({ root: join(hubDir, '..'), runner: new Slow() }), served.grant);
    slow.server.once('request', (_req, res) => res.once('close', () => left.resolve()));
    try {
      const request = httpRequest(`${slow.url}/git-upload-pack`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-git-upload-pack-request', 'content-length': '100' },
      });
      request.on('error', () => undefined).write('00');
      await expect.poll(() => child?.pid).toBeGreaterThan(0);
      request.destroy();
      await left.promise;
      expect((await child?.ended)?.signal).toBe('SIGTERM');
    } finally {
      await slow.close();
    }
  });

  it('by a path on this machine is refused by the same hook', async () => {
    await commit('beside');
    const { code, output } = await client(work, 'push', hubDir, `HEAD:${attempt}`);
    expect(code).not.toBe(0);
    expect(output).toContain('push_not_granted');
  });
});

function statusOf(url: string): Promise<number> {
  const { port, host } = new URL(url);
  const path = url.slice(url.indexOf(host) + host.length);
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path }, (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}
