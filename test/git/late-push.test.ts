import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { grantEnvironment } from '../../src/git/hooks/grant.ts';
import { flushPacket, packet } from '../../src/git/hooks/packet-line.mjs';
import { Hub } from '../../src/git/hub.ts';
import { client, serveHub } from './hub-support.ts';
import { Bench, git, gitWith, runner, tempFolder } from './support.ts';

const attempt = 'refs/heads/signalbox/i/attempt/p/t/1';
const keepAs = 'refs/signalbox/late/task-1/1';
const program = fileURLToPath(new URL('../../src/git/hooks/proc-receive.mjs', import.meta.url));

/** Runs the hook as git does, with `gitScript` in the place of git's first `update-ref`. */
function receive(bench: Bench, oid: string, gitScript: string, ref = attempt): Promise<string> {
  const folder = tempFolder();
  const real = gitWith(bench.dir, {}, ['--exec-path']);
  writeFileSync(
    join(folder, 'git'),
    `#!/bin/sh\ncase "$1" in update-ref) if mkdir "${folder}/once" 2>/dev/null; then ${gitScript}; fi;; esac\nexec "${real}/git" "$@"\n`,
  );
  chmodSync(join(folder, 'git'), 0o755);
  const child = spawn(process.execPath, [program], {
    cwd: bench.dir,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      REAL_GIT: `${real}/git`,
      GIT_DIR: bench.dir,
      ...grantEnvironment({ mode: 'late', ref: attempt, keepAs }),
    },
  });
  child.stdin.end(
    `${packet('version=1\n')}${flushPacket}${packet(`${'0'.repeat(40)} ${oid} ${ref}`)}${flushPacket}`,
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', () => resolve(output)));
}

it('a late push keeps the one that came between its look and its move', async () => {
  const bench = new Bench();
  const [first, second] = ['first', 'second'].map((name) =>
    bench.commit(`refs/heads/${name}`, null, { name }),
  );
  const answer = await receive(bench, first ?? '', `"$REAL_GIT" update-ref ${keepAs} ${second}`);
  expect(answer).toContain(`ok ${attempt}`);
  expect(answer).toContain(`option old-oid ${second}`);
  expect([bench.tip(keepAs), bench.tip(`refs/signalbox/keep/rewritten/${second}`)]).toEqual([first, second]);
});

it('a late push waits for the lock of another one', async () => {
  const bench = new Bench();
  const [oid, other] = ['a', 'b'].map((name) => bench.commit(`refs/heads/${name}`, null, { name }));
  bench.outsideUpdate(keepAs, other ?? '');
  const lock = join(bench.dir, `${keepAs}.lock`);
  // The first try finds the lock, and takes it away when it has failed.
  const answer = await receive(
    bench,
    oid ?? '',
    `: > "${lock}"; "$REAL_GIT" "$@"; code=$?; rm "${lock}"; exit $code`,
  );
  expect(answer).toContain(`ok ${attempt}`);
  expect([bench.tip(keepAs), bench.tip(`refs/signalbox/keep/rewritten/${other}`)]).toEqual([oid, other]);
});

it('of several late pushes at once every one that is accepted stays reachable', async () => {
  const remote = new Bench('remote');
  remote.commit('refs/heads/main', null, { 'README.md': 'hello\n' });
  const root = join(tempFolder(), 'hub');
  const hub = new Hub({ root, runner });
  await hub.ensure({ id: 'a1', remote: remote.dir, defaultBranch: 'main' });
  const grant = { projectId: 'a1', readRefs: ['refs/heads/main'], user: 'lease-1' };
  const served = await serveHub(hub, { ...grant, push: { mode: 'late', ref: attempt, keepAs } });
  const tips = [1, 2, 3, 4].map((n) => remote.commit(`refs/heads/late-${n}`, null, { n: `${n}` }));
  const pushes = await Promise.all(
    tips.map((tip) => client(remote.dir, 'push', served.url, `${tip}:${attempt}`)),
  );
  await served.close();

  expect(pushes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const kept = git(join(root, 'a1.git'), 'for-each-ref', '--format=%(objectname)', 'refs/signalbox/');
  expect(kept.split('\n').toSorted()).toEqual(tips.toSorted());
});

it('the program that moves refs moves none that is not granted, even if nothing before it refused', async () => {
  const bench = new Bench();
  const main = bench.commit('refs/heads/main', null, { main: 'main' });
  const [other, none] = ['refs/heads/other', '0'.repeat(40)];
  expect(await receive(bench, main, ':', other)).toContain(`ng ${other} not granted`);
  expect(await receive(bench, none, ':')).toContain(`ng ${attempt} not granted`);
  expect(git(bench.dir, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
});
