import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { GitError } from '../../src/git/git-error.ts';
import { GitRunner } from '../../src/git/git-runner.ts';
import { isAlive } from '../support/processes.ts';
import { RemoteServer } from '../support/remote-server.ts';
import { Bench, git, runner, tempFolder } from './support.ts';

/** A stand-in for git, first in the PATH of one command. */
function fakeGit(script: string): Record<string, string> {
  const folder = tempFolder();
  writeFileSync(join(folder, 'git'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'git'), 0o755);
  return { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

describe('a git command', () => {
  it('that takes too long is ended, with what it started', async () => {
    const folder = tempFolder();
    const env = fakeGit(`sleep 600 & echo $! > ${folder}/pid; wait`);
    await expect(new GitRunner().run({ args: ['version'], env, deadlineMs: 300 })).rejects.toMatchObject({
      code: 'git_timeout',
    });
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('that ignores SIGTERM is killed', async () => {
    const env = fakeGit(`trap '' TERM; while :; do sleep 0.1; done`);
    await expect(new GitRunner().run({ args: ['version'], env, deadlineMs: 200 })).rejects.toMatchObject({
      code: 'git_timeout',
    });
  }, 10_000);

  it('stops when its work is stopped', async () => {
    const controller = new AbortController();
    const running = new GitRunner().run({
      args: ['version'],
      env: fakeGit('exec sleep 600'),
      signal: controller.signal,
    });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'git_aborted' });
  });

  it('that writes without end is stopped at the limit', async () => {
    await expect(
      new GitRunner({ maxStdoutBytes: 1_000_000 }).run({ args: ['version'], env: fakeGit('exec yes') }),
    ).rejects.toMatchObject({ code: 'git_output_too_large' });
  });

  it('fails with its exit code and without credentials', async () => {
    const env = fakeGit('echo "fatal: https://me:secret@host/ is wrong" >&2; exit 128');
    await expect(new GitRunner().run({ args: ['x'], env })).rejects.toMatchObject({
      code: 'git_failed',
      exitCode: 128,
      message: 'git x ended with 128: fatal: https://***@host/ is wrong',
      stderr: expect.not.stringContaining('secret'),
    });
  });

  it('leaves out of what a remote says what we have told it', async () => {
    const server = new RemoteServer(tempFolder(), { login: 'robot:another' });
    await server.start();
    onTestFinished(() => server.stop());
    const remote = server.url('api.git');
    const robot = { origin: new URL(remote).origin, username: 'robot', password: 's3cr3t' };
    const asked = new GitRunner({ remoteCredentials: [robot] }).run({ args: ['ls-remote', remote], remote });
    const failure = await asked.then(
      () => null,
      (error: GitError) => error,
    );
    expect(failure?.stderr).toContain('you said Basic ***\n');
  });

  it('says that git is missing', async () => {
    const env = { PATH: tempFolder() };
    await expect(new GitRunner().run({ args: ['version'], env })).rejects.toMatchObject({
      code: 'git_missing',
    });
  });

  it('says that the folder of the repository is missing, rather than git', async () => {
    const dir = join(tempFolder(), 'gone.git');
    await expect(runner.run({ args: ['rev-parse'], dir })).rejects.toMatchObject({ code: 'hub_missing' });
  });

  it.runIf(process.platform === 'linux')(
    'that the system can not start at the moment is a passing fault, and works afterwards',
    async () => {
      const module = new URL('../../src/git/git-runner.ts', import.meta.url).href;
      const program = `
        const { openSync, closeSync } = await import('node:fs');
        const { GitRunner } = await import(${JSON.stringify(module)});
        const runner = new GitRunner();
        const files = [];
        try { for (;;) files.push(openSync('/dev/null')); } catch {}
        const run = () => runner.run({ args: ['version'] }).then(() => 'started', (error) => error.name);
        const full = await run();
        for (const file of files) closeSync(file);
        console.log(JSON.stringify([full, await run()]));`;
      const { stdout } = spawnSync(
        'sh',
        [
          '-c',
          'ulimit -n 100 && exec "$0" "$@"',
          process.execPath,
          '--input-type=module',
          '--no-warnings',
          '-e',
          program,
        ],
        { encoding: 'utf8' },
      );
      expect(JSON.parse(stdout)).toEqual(['Error', 'started']);
    },
  );

  it('gets nothing of our own environment but what it needs', async () => {
    process.env['GIT_DIR'] = '/somewhere/else';
    process.env['SIGNALBOX_SECRET'] = 'secret';
    try {
      const { stdout } = await runner.run({ args: ['x'], env: fakeGit('env') });
      const lines = stdout.toString().split('\n');
      expect(lines.filter((line) => /^(GIT_DIR|SIGNALBOX)/.test(line))).toEqual([]);
      expect(lines).toEqual(
        expect.arrayContaining([
          'LC_ALL=C',
          'GIT_TERMINAL_PROMPT=0',
          'GIT_CONFIG_GLOBAL=/dev/null',
          'GIT_ALLOW_PROTOCOL=file:http:https:ssh',
          'GIT_NO_REPLACE_OBJECTS=1',
        ]),
      );
    } finally {
      delete process.env['GIT_DIR'];
      delete process.env['SIGNALBOX_SECRET'];
    }
  });

  it.runIf(process.platform === 'linux')('dies with the process that started it', async () => {
    const folder = tempFolder();
    const env = fakeGit(`echo $$ > ${folder}/pid; exec sleep 600`);
    const module = new URL('../../src/git/git-runner.ts', import.meta.url).href;
    const program = `const { GitRunner } = await import(${JSON.stringify(module)}); new GitRunner().run({ args: ['x'], env: ${JSON.stringify(env)}, deadlineMs: 600000 }); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', program], {
      stdio: 'ignore',
    });
    await expect
      .poll(() => existsSync(join(folder, 'pid')) && readFileSync(join(folder, 'pid'), 'utf8').trim(), {
        timeout: 10_000,
      })
      .toMatch(/\d/);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });
});

describe('a ref transaction', () => {
  it('refuses names that are options or leave the folder, before git sees them', async () => {
    const { repository } = new Bench();
    for (const ref of [
      '--upload-pack=x',
      '../x',
      'refs/heads/../../x',
      'refs/heads/a\nupdate refs/heads/b',
    ]) {
      await expect(repository.updateRefs([{ ref, new: '1'.repeat(40) }])).rejects.toMatchObject({
        code: 'invalid_ref_name',
      });
    }
  });

  it('moves all refs or none', async () => {
    const bench = new Bench();
    const one = bench.commit('refs/heads/a', null, { a: 'a' });
    const two = bench.commit('refs/heads/b', one, { b: 'b' });
    await expect(
      bench.repository.updateRefs([
        { ref: 'refs/heads/a', old: one, new: two },
        { ref: 'refs/heads/b', old: one, new: one },
      ]),
    ).rejects.toMatchObject({ code: 'ref_moved' });
    expect([bench.tip('refs/heads/a'), bench.tip('refs/heads/b')]).toEqual([one, two]);
  });

  it('creates a ref once and then says where it stands', async () => {
    const bench = new Bench();
    const one = bench.commit('refs/heads/a', null, { a: 'a' });
    const two = bench.commit('refs/heads/b', one, { b: 'b' });
    expect(await bench.repository.createRefIfMissing('refs/heads/c', one)).toEqual({
      created: true,
      tip: one,
    });
    expect(await bench.repository.createRefIfMissing('refs/heads/c', two)).toEqual({
      created: false,
      tip: one,
    });
  });

  it('notes its git beside the repository while it runs, and not after', async () => {
    const bench = new Bench();
    const one = bench.commit('refs/heads/a', null, { a: 'a' });
    const child = await runner.start({ dir: bench.dir, args: ['update-ref', '--stdin'], locksIn: bench.dir });
    expect(readdirSync(join(bench.dir, 'signalbox-children'))).toHaveLength(1);
    child.stdin.end();
    await child.ended;
    await bench.repository.updateRefs([{ ref: 'refs/heads/d', new: one }]);
    expect(readdirSync(join(bench.dir, 'signalbox-children'))).toEqual([]);
    expect(git(bench.dir, 'rev-parse', 'refs/heads/d')).toBe(one);
  });
});
