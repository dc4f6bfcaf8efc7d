import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Hub } from '../../src/git/hub.ts';
import { recordChild } from '../../src/git/child-records.ts';
import { gitRefusal } from '../../src/services/git-refusal.ts';
import { Bench, git, gitWith, runner, tempFolder } from './support.ts';

let root: string;
let hub: Hub;
beforeEach(() => {
  root = join(tempFolder(), 'hub');
  hub = new Hub({ root, runner });
});

function left(): string[] {
  return existsSync(root) ? readdirSync(root).filter((name) => name !== '.hooks') : [];
}

/** Null: takes every request and never answers. */
async function withServer<T>(status: number | null, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_req, res) => {
    if (status === null) return;
    res.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : {});
    res.end('no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/app.git`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('adding a project', () => {
  it('makes a bare clone with our settings, and once more puts them right', async () => {
    const remote = new Bench();
    const tip = remote.commit('refs/heads/main', null, { a: 'a' });
    const branch = remote.commit('refs/heads/feature', tip, { b: 'b' });
    const repository = await hub.ensure({ id: 'p1', remote: remote.dir, defaultBranch: 'main' });
    expect(Object.fromEntries(await repository.readRefs('refs/heads'))).toEqual({ 'refs/heads/main': tip });
    expect(Object.fromEntries(await repository.readRefs('refs/remotes/'))).toEqual({
      'refs/remotes/origin/main': tip,
      'refs/remotes/origin/feature': branch,
    });
    writeFileSync(join(repository.dir, 'config'), '[core]\n\tbare = true\n\thooksPath = /tmp/evil\n');
    await hub.ensure({ id: 'p1', remote: remote.dir, defaultBranch: 'main' });
    const settings = [
      'core.fsync',
      'receive.fsckobjects',
      'receive.unpacklimit',
      'gc.auto',
      'receive.procreceiverefs',
      'core.hookspath',
    ].map((key) => git(repository.dir, 'config', '--file', 'config', key));
    expect(settings).toEqual(['all', 'true', '1', '0', 'refs', join(root, '.hooks')]);
  });

  it('by two processes at once ends with one whole clone', async () => {
    const remote = new Bench();
    const tip = remote.commit('refs/heads/main', null, { a: 'a' });
    const project = { id: 'p1', remote: remote.dir, defaultBranch: 'main' };
    await Promise.all([hub.ensure(project), new Hub({ root, runner }).ensure(project)]);
    expect(await hub.repository('p1').readTip('refs/heads/main')).toBe(tip);
    expect(left()).toEqual(['p1.git']);
  });

  it.each([
    ['remote_not_a_repository', async () => tempFolder()],
    ['remote_not_a_repository', async () => join(tempFolder(), 'missing')],
    ['repository_has_no_commits', async () => new Bench().dir],
    ['repository_is_shallow', async () => shallowClone()],
    ['default_branch_missing', async () => branchOnly('refs/heads/trunk', { a: 'a' })],
    [
      'repository_uses_lfs',
      async () =>
        branchOnly('refs/heads/main', { '.gitattributes': '*.psd filter=lfs diff=lfs merge=lfs -text\n' }),
    ],
    [
      'repository_uses_lfs',
      async () => branchOnly('refs/heads/main', { 'assets/.gitattributes': '# art\n*.psd filter=lfs\n' }),
    ],
    [
      'repository_uses_submodules',
      async () =>
        branchOnly('refs/heads/main', {
          '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = https://example.test/x\n',
        }),
    ],
    ['repository_uses_submodules', async () => gitlink()],
    ['remote_scheme_not_allowed', async () => 'ext::sh -c "touch /tmp/pwned"'],
    ['invalid_remote_url', async () => '--upload-pack=touch'],
    ['invalid_remote_url', async () => '../x'],
    ['remote_unreachable', async () => 'http://127.0.0.1:9/app.git'],
  ])('refuses it as %s and leaves nothing behind', async (code, remote) => {
    await expect(
      hub.ensure({ id: 'p1', remote: await remote(), defaultBranch: 'main' }),
    ).rejects.toMatchObject({ code });
    expect(left()).toEqual([]);
  });

  it('refuses a remote that needs a password at once, without asking anybody', async () => {
    await withServer(401, async (url) => {
      await expect(hub.ensure({ id: 'p1', remote: url, defaultBranch: 'main' })).rejects.toMatchObject({
        code: 'remote_needs_password',
      });
      await expect(hub.probe(url)).rejects.toMatchObject({ code: 'remote_needs_password' });
    });
    await withServer(404, async (url) => {
      await expect(hub.probe(url)).rejects.toMatchObject({ code: 'remote_not_a_repository' });
    });
    await withServer(503, async (url) => {
      await expect(hub.probe(url)).rejects.toMatchObject({ code: 'remote_unreachable' });
    });
  });

  it('refuses a clone that takes too long as that, not as a remote that is away', async () => {
    const patient = new Hub({ root, runner, cloneDeadlineMs: 500 });
    await withServer(null, async (url) => {
      await expect(patient.ensure({ id: 'p1', remote: url, defaultBranch: 'main' })).rejects.toMatchObject({
        code: 'clone_too_slow',
        message: expect.stringContaining('after 1 s'),
      });
    });
    expect(left()).toEqual([]);
  });

  it.each(['--upload-pack=x', '../x', 'HEAD', 'a..b', ''])(
    'refuses the default branch %j',
    async (defaultBranch) => {
      const remote = branchOnly('refs/heads/main', { a: 'a' });
      await expect(hub.ensure({ id: 'p1', remote, defaultBranch })).rejects.toMatchObject({
        code: 'invalid_branch_name',
      });
      expect(left()).toEqual([]);
    },
  );

  it.each(['signalbox', 'signalbox/main', 'signalbox/i/initiative', 'Signalbox'])(
    'refuses the default branch %j, which would be among our own',
    async (defaultBranch) => {
      const remote = branchOnly(`refs/heads/${defaultBranch}`, { a: 'a' });
      await expect(hub.ensure({ id: 'p1', remote, defaultBranch })).rejects.toMatchObject({
        code: 'default_branch_reserved',
      });
      expect(left()).toEqual([]);
      await hub.ensure({
        id: 'p2',
        remote: branchOnly('refs/heads/signalboxes', { a: 'a' }),
        defaultBranch: 'signalboxes',
      });
    },
  );

  it.each(['../x', 'a/b', '-x', '.hooks', ''])('takes %j for no id of a project', async (id) => {
    await expect(
      hub.ensure({ id, remote: branchOnly('refs/heads/main', { a: 'a' }), defaultBranch: 'main' }),
    ).rejects.toMatchObject({ code: 'hub_missing' });
  });
});

describe('a repository of another user', () => {
  /** Git, told to take every repository for somebody else's: what root sees of a checkout mounted into its container. */
  async function asStranger<T>(work: () => Promise<T>): Promise<T> {
    const bin = tempFolder();
    const paths = process.env['PATH'] ?? '';
    writeFileSync(
      join(bin, 'git'),
      `#!/bin/sh\nPATH='${paths}' GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"\n`,
    );
    chmodSync(join(bin, 'git'), 0o755);
    vi.stubEnv('PATH', `${bin}:${paths}`);
    try {
      return await work();
    } finally {
      vi.unstubAllEnvs();
    }
  }

  function checkout(): string {
    const remote = new Bench();
    remote.commit('refs/heads/main', null, { a: 'a' });
    const folder = join(tempFolder(), 'laptop');
    git(remote.dir, 'clone', '--quiet', remote.dir, folder);
    return folder;
  }

  it('is refused with a sentence that has the folder and the setting to name it in', async () => {
    const folder = checkout();
    const refused = asStranger(() => hub.probe(folder));
    await expect(refused).rejects.toMatchObject({
      code: 'remote_owned_by_another',
      message: expect.stringMatching(
        new RegExp(`at ${folder}/\\.git belongs .*directory = ${folder}/\\.git".*SIGNALBOX_GIT_CONFIG`),
      ),
    });
    expect(gitRefusal(await refused.catch((error: unknown) => error))).toMatchObject({
      code: 'remote_owned_by_another',
    });
  });

  it('works once that setting names the folder, and its checked out branch is still recognized', async () => {
    const folder = checkout();
    const remoteConfig = join(tempFolder(), 'gitconfig');
    writeFileSync(remoteConfig, `[safe] directory = ${folder}/.git\n`);
    const allowed = new Hub({ root, runner: new GitRunner({ deadlineMs: 20_000, remoteConfig }) });
    await asStranger(async () => {
      expect(await allowed.probe(folder)).toMatchObject({ head: 'main', checkedOut: ['main'] });
      await allowed.ensure({ id: 'p1', remote: folder, defaultBranch: 'main' });
    });
    expect(await hub.repository('p1').readTip('refs/heads/main')).not.toBeNull();
  });
});

describe('preparing the hub', () => {
  it('puts hooks and settings right after the folder was moved or restored', async () => {
    const remote = new Bench();
    remote.commit('refs/heads/main', null, { a: 'a' });
    await hub.ensure({ id: 'p1', remote: remote.dir, defaultBranch: 'main' });
    await hub.ensure({ id: 'p2', remote: remote.dir, defaultBranch: 'main' });
    const moved = join(tempFolder(), 'hub');
    renameSync(root, moved);
    writeFileSync(join(moved, '.hooks', 'pre-receive'), "#!/bin/sh\nexec '/gone/node' '/gone/hook.ts'\n");
    chmodSync(join(moved, '.hooks', 'proc-receive'), 0o644);
    await new Hub({ root: moved, runner }).prepare();
    for (const id of ['p1', 'p2'])
      expect(git(join(moved, `${id}.git`), 'config', '--file', 'config', 'core.hookspath')).toBe(
        join(moved, '.hooks'),
      );
    const hooks = ['pre-receive', 'proc-receive'].map((name) => join(moved, '.hooks', name));
    const [refuse = '', move = ''] = hooks.map((file) => readFileSync(file, 'utf8'));
    expect(refuse).toContain('push_not_granted');
    expect(move).toContain('/proc-receive.mjs');
    expect(hooks.map((file) => statSync(file).mode & 0o777)).toEqual([0o755, 0o755]);
  });
});

describe('a probe', () => {
  it('gives the branches, the default one, and those that are checked out', async () => {
    const remote = new Bench();
    const tip = remote.commit('refs/heads/main', null, { a: 'a' });
    expect(await hub.probe(remote.dir)).toEqual({ branches: { main: tip }, head: 'main', checkedOut: [] });
    const laptop = join(tempFolder(), 'laptop');
    git(remote.dir, 'clone', '--quiet', remote.dir, laptop);
    git(laptop, 'worktree', 'add', '--quiet', '-b', 'other', join(tempFolder(), 'tree'));
    expect((await hub.probe(laptop)).checkedOut.toSorted()).toEqual(['main', 'other']);
    git(laptop, 'config', 'receive.denyCurrentBranch', 'updateInstead');
    expect((await hub.probe(laptop)).checkedOut).toEqual([]);
  });
});

describe('fetching', () => {
  it('brings new work, follows the default branch, and prunes nothing', async () => {
    const remote = new Bench();
    const first = remote.commit('refs/heads/main', null, { a: 'a' });
    const gone = remote.commit('refs/heads/gone', first, { b: 'b' });
    const project = { id: 'p1', remote: remote.dir, defaultBranch: 'main' };
    const repository = await hub.ensure(project);
    const next = remote.commit('refs/heads/main', first, { a: 'next' });
    git(remote.dir, 'update-ref', '-d', 'refs/heads/gone');
    await hub.fetch(project);
    expect(await repository.readTips(['refs/heads/main', 'refs/remotes/origin/gone'])).toEqual(
      new Map([
        ['refs/heads/main', next],
        ['refs/remotes/origin/gone', gone],
      ]),
    );
  });

  it('never takes the default branch back when the remote was rewound', async () => {
    const remote = new Bench();
    const first = remote.commit('refs/heads/main', null, { a: 'a' });
    const second = remote.commit('refs/heads/main', first, { a: 'b' });
    const project = { id: 'p1', remote: remote.dir, defaultBranch: 'main' };
    const repository = await hub.ensure(project);
    git(remote.dir, 'update-ref', 'refs/heads/main', first);
    await hub.fetch(project);
    expect(await repository.readTips(['refs/heads/main', 'refs/remotes/origin/main'])).toEqual(
      new Map([
        ['refs/heads/main', second],
        ['refs/remotes/origin/main', first],
      ]),
    );
  });

  it('of a project that was never added is refused', async () => {
    await expect(hub.fetch({ id: 'p9', remote: '/nowhere', defaultBranch: 'main' })).rejects.toMatchObject({
      code: 'hub_missing',
    });
  });
});

describe('the health of the hub', () => {
  it('is good when locks of dead children could be swept, and says which could not', async () => {
    await hub.ensure({ id: 'p1', remote: branchOnly('refs/heads/main', { a: 'a' }), defaultBranch: 'main' });
    const dir = join(root, 'p1.git');
    writeFileSync(join(dir, 'packed-refs.lock'), '');
    expect(await hub.sweep()).toEqual({ ok: true, lockedRefs: [], reason: null });
    writeFileSync(join(dir, 'packed-refs.lock'), '');
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    recordChild(dir, child.pid ?? 0);
    try {
      expect(await hub.sweep()).toMatchObject({
        ok: false,
        lockedRefs: [{ projectId: 'p1', path: 'packed-refs.lock' }],
      });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is bad, and says so, when its folder can not be written', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    expect(await new Hub({ root: join(file, 'hub'), runner }).sweep()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('ENOTDIR'),
    });
  });
});

function branchOnly(ref: string, files: Record<string, string>): string {
  const bench = new Bench();
  bench.commit(ref, null, files);
  return bench.dir;
}

/** Of two commits, only the last. */
function shallowClone(): string {
  const whole = new Bench();
  whole.commit('refs/heads/main', whole.commit('refs/heads/main', null, { a: 'a' }), { b: 'b' });
  const folder = join(tempFolder(), 'shallow');
  git(whole.dir, 'clone', '--quiet', '--depth', '1', `file://${whole.dir}`, folder);
  return folder;
}

function gitlink(): string {
  const bench = new Bench();
  const tip = bench.commit('refs/heads/main', null, { a: 'a' });
  const tree = gitWith(bench.dir, {}, ['mktree'], `160000 commit ${tip}\tsub\n`);
  git(
    bench.dir,
    'update-ref',
    'refs/heads/main',
    git(bench.dir, 'commit-tree', '-m', 'sub', '-p', tip, tree),
  );
  return bench.dir;
}
