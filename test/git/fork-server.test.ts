import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it, vi } from 'vitest';
import { forks } from '../../src/git/fork-client.ts';
import { type ForkedChild, ForkServerError } from '../../src/git/forked-child.ts';
import { GitRunner } from '../../src/git/git-runner.ts';
import { isAlive } from '../support/processes.ts';
import { runner, tempFolder } from './support.ts';

const env = { PATH: process.env['PATH'] ?? '' };

function sh(script: string, ...args: string[]): Promise<ForkedChild> {
  return forks.start({ file: 'sh', args: ['-c', script, 'sh', ...args], cwd: '/', env });
}

/** What it wrote, and how it ended. */
async function said(child: ForkedChild, input: string | Buffer = '') {
  child.stdin.on('error', () => undefined).end(input);
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), child.ended]);
  return { stdout, stderr, ...exit };
}

/** The process that starts the others, which a child can name as its parent, and the socket it was told. */
async function server(): Promise<{ pid: number; address: string }> {
  const pid = Number((await said(await sh('echo $PPID'))).stdout);
  const address = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').at(-2) ?? '';
  return { pid, address };
}

beforeAll(async () => {
  expect(process.platform, 'these tests ask /proc who started whom').toBe('linux');
});

it('a child gets its arguments, folder, environment and input as they are, and tells how it ended', async () => {
  const folder = tempFolder();
  const child = await forks.start({
    file: 'sh',
    args: ['-c', 'pwd; env; printf "%s|" "$@"; cat; echo problem >&2; exit 3', 'sh', 'a b', '"\n$x', ''],
    cwd: folder,
    env: { ...env, NAME: 'one\ntwo' },
  });
  expect(child.pid).toBeGreaterThan(1);
  const { stdout, ...rest } = await said(child, 'in\u0000put');
  expect(stdout).toContain(`${folder}\n`);
  expect(stdout).toContain('NAME=one\ntwo\n');
  expect(stdout).not.toContain('NODE_');
  expect(stdout.endsWith('a b|"\n$x||in\u0000put')).toBe(true);
  expect(rest).toEqual({ stderr: 'problem\n', code: 3, signal: null });
});

it('a child that is killed says by which signal', async () => {
  expect(await said(await sh('kill -9 $$'))).toMatchObject({ code: null, signal: 'SIGKILL' });
});

it('every byte passes, in both directions at once, however much it is', async () => {
  const bytes = Buffer.alloc(20_000_000, 'signal\u0000box\n');
  const child = await forks.start({ file: 'cat', args: [], cwd: '/', env });
  expect((await said(child, bytes)).stdout).toBe(bytes.toString());
});

it('nothing is lost of what a child wrote just before it ended, also of many at once', async () => {
  const all = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => said(await sh('printf %s "$1"; printf %s "$1" >&2', `${n}`))),
  );
  expect(all.map(({ stdout, stderr, code }) => [stdout, stderr, code])).toEqual(
    all.map((_, n) => [`${n}`, `${n}`, 0]),
  );
});

it('a child whose small output nobody reads ends all the same', async () => {
  const child = await sh('head -c 5000 /dev/zero');
  await sleep(100);
  expect(await child.ended).toEqual({ code: 0, signal: null });
});

it('what can not be started is refused as the system refuses it, and the next one starts', async () => {
  const missing = { file: 'no-such-program', args: [], cwd: '/', env };
  await expect(forks.start(missing)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(forks.start({ ...missing, file: 'true', cwd: '/no/such' })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  expect((await said(await sh('echo here'))).stdout).toBe('here\n');
});

it('a stream that names no child is dropped, and one that ends before it has said whose it is', async () => {
  const { address } = await server();
  const stranger = connect(address);
  stranger.write(`${'0'.repeat(32)}1and what it would say`);
  await once(stranger.resume(), 'close');
  const silent = connect({ path: address, allowHalfOpen: true });
  silent.end('0'.repeat(20));
  await once(silent.resume(), 'end');
  expect((await said(await sh('echo here'))).stdout).toBe('here\n');
});

it('the server takes no notice of a signal that is meant for all', async () => {
  const { pid } = await server();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
  await sleep(200);
  expect((await server()).pid).toBe(pid);
});

it('when the server is killed its children are ended, their ends are told as unknown, and the next child gets a new one', async () => {
  const first = await server();
  const child = await sh('exec sleep 600');
  process.kill(first.pid, 'SIGKILL');
  await expect(child.ended).rejects.toThrow('the process that starts others has ended');
  await expect.poll(() => isAlive(child.pid)).toBe(false);
  await expect.poll(() => existsSync(dirname(first.address))).toBe(false);
  expect((await server()).pid).not.toBe(first.pid);
});

it('a git that the server was about to start when it was killed is a passing fault, and the next one starts', async () => {
  const { pid } = await server();
  process.kill(pid, 'SIGSTOP');
  const running = runner.run({ args: ['version'] });
  const refused = expect(running).rejects.toBeInstanceOf(ForkServerError);
  process.kill(pid, 'SIGKILL');
  await refused;
  expect((await runner.run({ args: ['version'] })).code).toBe(0);
});

it('when the folder of the socket is gone, the next child but one gets a new server, and the children of the old one go on', async () => {
  const old = await server();
  const child = await forks.start({ file: 'cat', args: [], cwd: '/', env });
  rmSync(dirname(old.address), { recursive: true });
  await expect(sh('true')).rejects.toBeInstanceOf(ForkServerError);
  expect((await server()).pid).not.toBe(old.pid);
  expect(isAlive(old.pid)).toBe(true);
  expect(await said(child, 'still here')).toEqual({
    stdout: 'still here',
    stderr: '',
    code: 0,
    signal: null,
  });
  await expect.poll(() => isAlive(old.pid)).toBe(false);
});

it('a start that took too long and comes after all is ended', async () => {
  const { pid } = await server();
  const note = join(tempFolder(), 'note');
  const size = (): number => statSync(note, { throwIfNoEntry: false })?.size ?? 0;
  const other = await forks.start({ file: 'cat', args: [], cwd: '/', env });
  process.kill(pid, 'SIGSTOP');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const refused = expect(sh('while :; do echo here >>"$1"; sleep 0.05; done', note)).rejects.toBeInstanceOf(
    ForkServerError,
  );
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  await refused;
  process.kill(pid, 'SIGCONT');
  await sleep(500);
  const before = size();
  await sleep(300);
  expect(size()).toBe(before);
  await said(other);
  await expect.poll(() => isAlive(pid)).toBe(false);
});

it('a server that has to be started runs on the Node that is named', async () => {
  const folder = tempFolder();
  const [node, note] = [join(folder, 'node'), join(folder, 'note')];
  writeFileSync(node, `#!/bin/sh\n: >'${note}'\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  const child = await sh('read -r line');
  process.kill((await server()).pid, 'SIGKILL');
  await expect(child.ended).rejects.toBeInstanceOf(ForkServerError);
  const git = await new GitRunner({ node }).run({ args: ['version'] });
  expect(git.stdout.toString()).toContain('git version');
  expect(existsSync(note)).toBe(true);
});

it.each(['of itself', 'by SIGKILL'])(
  'the server ends with the process that asked for it, when that ends %s',
  async (how) => {
    const note = join(tempFolder(), 'server');
    const module = new URL('../../src/git/fork-client.ts', import.meta.url).href;
    const program = `
    const { forks } = await import(${JSON.stringify(module)});
    const child = await forks.start({ file: 'sh', args: ['-c', 'echo $PPID >"$1"', 'sh', ${JSON.stringify(note)}], cwd: '/', env: process.env });
    await child.ended;
    if (${how === 'by SIGKILL'}) process.kill(process.pid, 'SIGKILL');`;
    const asking = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const [code, signal] = (await once(asking, 'exit')) as [number | null, string | null];
    expect([code, signal]).toEqual(how === 'by SIGKILL' ? [null, 'SIGKILL'] : [0, null]);
    const pid = Number(readFileSync(note, 'utf8'));
    await expect.poll(() => isAlive(pid)).toBe(false);
  },
);
