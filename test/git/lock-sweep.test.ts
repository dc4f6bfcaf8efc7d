import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { groupMayBeAlive, identityOf } from '../../src/git/child-process-identity.ts';
import { livingChildren, recordChild } from '../../src/git/child-records.ts';
import { Hub } from '../../src/git/hub.ts';
import { sweepLocks } from '../../src/git/lock-sweep.ts';
import { moveRefs } from '../../src/git/move-refs.ts';
import { RefTransaction } from '../../src/git/ref-transaction.ts';
import { Bench, runner, tempFolder } from './support.ts';

const alone = <T>(_name: string, work: () => Promise<T>): Promise<T> => work();
const ports = { assertHeld: async () => undefined, pass: async () => undefined, exclusively: alone };
const children: number[] = [];
afterEach(() => {
  for (const pid of children.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
});

function sleeper(): number {
  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  children.push(pid ?? 0);
  return pid ?? 0;
}

function locked(): { bench: Bench; tip: string; lock: string } {
  const bench = new Bench();
  const tip = bench.commit('refs/heads/a', null, { a: 'a' });
  const lock = join(bench.dir, 'refs', 'heads', 'a.lock');
  writeFileSync(lock, '');
  return { bench, tip, lock };
}

describe('a lock file', () => {
  it('that a dead git left is swept', async () => {
    const { bench, lock } = locked();
    expect(await sweepLocks(bench.dir, alone)).toEqual({ swept: ['refs/heads/a.lock'], held: [] });
    expect(existsSync(lock)).toBe(false);
  });

  it('stays while a recorded git child of the repository may be alive, also one that is stopped', async () => {
    const { bench, lock } = locked();
    const pid = sleeper();
    process.kill(pid, 'SIGSTOP');
    recordChild(bench.dir, pid);
    expect(await sweepLocks(bench.dir, alone)).toEqual({ swept: [], held: ['refs/heads/a.lock'] });
    expect(existsSync(lock)).toBe(true);
    process.kill(-pid, 'SIGKILL');
    await expect.poll(() => livingChildren(bench.dir)).toEqual([]);
    expect((await sweepLocks(bench.dir, alone)).swept).toHaveLength(1);
  });

  it('stays while something that a dead git child started is alive', async () => {
    const { bench } = locked();
    const leader = spawn('sh', ['-c', 'sleep 600 & exit 0'], { detached: true, stdio: 'ignore' });
    const pid = leader.pid ?? 0;
    children.push(pid);
    recordChild(bench.dir, pid);
    await new Promise((resolve) => leader.once('exit', resolve));
    expect((await sweepLocks(bench.dir, alone)).held).toHaveLength(1);
  });

  it('stays while a child of another machine is recorded, and does not for one from before a reboot', () => {
    const other = { ...identityOf(process.pid), host: 'elsewhere/1' };
    const before = { ...identityOf(process.pid), host: `${hostname()}/an-earlier-boot` };
    expect([groupMayBeAlive(other), groupMayBeAlive(before)]).toEqual([true, false]);
  });

  it('of another machine is said to the operator, who can let it go', async () => {
    const hub = new Hub({ root: join(tempFolder(), 'hub'), runner });
    const remote = new Bench();
    remote.commit('refs/heads/main', null, { a: 'a' });
    const { dir } = await hub.ensure({ id: 'p1', remote: remote.dir, defaultBranch: 'main' });
    writeFileSync(join(dir, 'packed-refs.lock'), '');
    const notes = join(dir, 'signalbox-children');
    mkdirSync(notes, { recursive: true });
    const note = join(notes, '7-x.json');
    writeFileSync(note, JSON.stringify({ pid: 7, startedAt: '1', host: 'replaced-container/boot' }));
    // Strangers are told the reason; names of files are for those with a token.
    expect(await hub.sweep()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(
        /when that one is gone for good, remove its notes from the hub$/,
      ) as string,
      cause: 'noted in p1.git/signalbox-children/7-x.json',
    });
    rmSync(note);
    expect(await hub.sweep()).toMatchObject({ ok: true, reason: null });
    expect(existsSync(join(dir, 'packed-refs.lock'))).toBe(false);
  });

  it('is not held by a pid that belongs to another program now', () => {
    const identity = identityOf(sleeper());
    expect([groupMayBeAlive(identity), groupMayBeAlive({ ...identity, startedAt: '1' })]).toEqual([
      true,
      false,
    ]);
  });

  it('stays when a note can not be read', async () => {
    const { bench } = locked();
    mkdirSync(join(bench.dir, 'signalbox-children'));
    writeFileSync(join(bench.dir, 'signalbox-children', 'half.json'), '{"pid":');
    expect((await sweepLocks(bench.dir, alone)).held).toHaveLength(1);
  });

  // The note of a child is a pipe here: reading it waits for the shell, which so acts after the locks were listed and before one goes.
  it.each([
    ['made anew', 'rm "$1" && : > "$1"'],
    // As on a file system that gives the number of the old file to the new one, which ext4 does.
    ['made anew under the same inode', 'mv "$1" "$1.x" && mv "$1.x" "$1"'],
  ])('stays when it was %s since it was listed: it belongs to another git then', async (_how, change) => {
    const { bench, lock } = locked();
    const notes = join(bench.dir, 'signalbox-children');
    mkdirSync(notes);
    const note = join(notes, '7-x.json');
    execFileSync('mkfifo', [note]);
    const dead = JSON.stringify({ ...identityOf(process.pid), host: `${hostname()}/an-earlier-boot` });
    const { ino } = statSync(lock);
    const other = spawn('sh', ['-c', `exec 3> "$2" && ${change} && echo '${dead}' >&3`, 'sh', lock, note], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => other.once('exit', resolve));
    expect(await sweepLocks(bench.dir, alone)).toEqual({ swept: [], held: [] });
    expect(await ended).toBe(0);
    expect(existsSync(lock)).toBe(true);
    if (change.startsWith('mv')) expect(statSync(lock).ino).toBe(ino);
  });

  it('of every kind is found', async () => {
    const bench = new Bench();
    for (const name of ['packed-refs.lock', 'HEAD.lock', 'config.lock'])
      writeFileSync(join(bench.dir, name), '');
    mkdirSync(join(bench.dir, 'refs/signalbox/keep'), { recursive: true });
    writeFileSync(join(bench.dir, 'refs/signalbox/keep/x.lock'), '');
    expect((await sweepLocks(bench.dir, alone)).swept.toSorted()).toEqual([
      'HEAD.lock',
      'config.lock',
      'packed-refs.lock',
      'refs/signalbox/keep/x.lock',
    ]);
    expect(readdirSync(bench.dir).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });
});

describe('a landing that meets a lock', () => {
  it('sweeps the lock of a dead git and goes on', async () => {
    const { bench, tip } = locked();
    expect(
      await moveRefs(
        [{ repository: bench.repository, changes: [{ ref: 'refs/heads/a', old: tip, new: tip }] }],
        ports,
      ),
    ).toBe(true);
  });

  it('waits for a living git that holds it, and lets it win', async () => {
    const bench = new Bench();
    const tip = bench.commit('refs/heads/a', null, { a: 'a' });
    const next = bench.commit('refs/heads/b', tip, { b: 'b' });
    const other = await RefTransaction.prepare(bench.repository, [
      { ref: 'refs/heads/a', old: tip, new: next },
    ]);
    const moving = moveRefs(
      [{ repository: bench.repository, changes: [{ ref: 'refs/heads/a', old: tip, new: tip }] }],
      ports,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await other.commit();
    expect(await moving).toBe(false);
    expect(bench.tip('refs/heads/a')).toBe(next);
  });

  it('gives up after a while, with the lock in place and nothing moved', async () => {
    const { bench, tip, lock } = locked();
    recordChild(bench.dir, sleeper());
    await expect(
      moveRefs(
        [{ repository: bench.repository, changes: [{ ref: 'refs/heads/a', old: tip, new: tip }] }],
        ports,
      ),
    ).rejects.toMatchObject({ code: 'ref_locked' });
    expect([existsSync(lock), bench.tip('refs/heads/a')]).toEqual([true, tip]);
  });
});
