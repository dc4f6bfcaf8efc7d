import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sampleComment } from '../support/comment.ts';
import { sampleConflict } from '../support/conflict.ts';
import { claimLines } from '../../src/http/claim-lines.ts';
import { commentsText } from '../../src/services/comments-text.ts';
import { git } from './delivered.ts';
import { BRANCH, FakeService, LEASE, PASSWORD, TOKEN } from './fake-service.ts';
import { RunningAgent } from './running-agent.ts';

let service: FakeService;
let agent: RunningAgent | null = null;

beforeEach(async () => {
  service = new FakeService();
  await service.start();
});

afterEach(async () => {
  await agent?.stop();
  agent = null;
  await service.close();
});

function start(script: string, env?: Record<string, string>): RunningAgent {
  agent = new RunningAgent(service, script, env);
  return agent;
}

async function until(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 50 });
}

async function untilReported(what: string): Promise<string> {
  await until(() => expect(service.posted(`/${what}`), agent?.stderr).toHaveLength(1));
  return service.posted(`/${what}`)[0]?.body ?? '';
}

function tip(project: string, ref = `refs/heads/${BRANCH}`): string {
  return git(service.repository(project), 'rev-parse', '--verify', ref);
}

describe('agent.sh', () => {
  test('commits what the command did, pushes it, records it and submits', async () => {
    const base = service.addProject('app');
    service.claims.push(service.claimText([service.projectLine('app', base)]));
    const { ledger } = start('cat >"$ROOT/briefing"; echo unique >new.txt');
    expect(JSON.parse(await untilReported('submit'))).toEqual({ lease: LEASE });

    const head = tip('app');
    const blob = tip('app', `${head}:new.txt`);
    expect(git(service.repository('app'), 'log', '-1', '--format=%s %P', head)).toBe(`Do one ${base}`);
    expect(readFileSync(ledger, 'utf8')).toBe(`core/one execute app ${head} ${blob} new.txt\n`);
    expect(readFileSync(join(service.root, 'briefing'), 'utf8')).toBe(
      'Do one\n\nfirst line\nsecond \\ line\n',
    );
  });

  test('pushes to every project it changed, and to no other', async () => {
    const lines = ['app', 'lib', 'web'].map((key) => service.projectLine(key, service.addProject(key)));
    service.claims.push(service.claimText(lines));
    const running = start('[ "$PROJECTS" = "app lib web" ]; echo 1 >a; cd ../web && echo 2 >b');
    await untilReported('submit');
    expect(running.entries()).toEqual([
      expect.stringMatching(/^core\/one execute app [0-9a-f]{40} [0-9a-f]{40} a$/u),
      expect.stringMatching(/^core\/one execute web [0-9a-f]{40} [0-9a-f]{40} b$/u),
    ]);
    expect(() => tip('lib')).toThrow();
  });

  test('records every commit that the command made itself', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    const running = start('for n in 1 2; do echo $n >$n; git add $n; git commit -qm "step $n"; done');
    await untilReported('submit');
    expect(running.entries()).toHaveLength(2);
    expect(running.entries()[1]).toContain(tip('app'));
  });

  test('merges the source of a merge task and lets the command resolve the conflict', async () => {
    const base = service.addProject('app');
    const hub = service.repository('app');
    const seed = join(service.root, 'app-seed');
    writeFileSync(join(seed, 'shared.txt'), 'first\ntheirs\nlast\n');
    git(seed, 'commit', '--quiet', '--all', '--message=theirs');
    const source = git(seed, 'rev-parse', 'HEAD');
    git(seed, 'push', '--quiet', hub, 'HEAD:refs/heads/source');
    git(seed, 'reset', '--quiet', '--hard', base);
    writeFileSync(join(seed, 'shared.txt'), 'first\nours\nlast\n');
    git(seed, 'commit', '--quiet', '--all', '--message=ours');
    const ours = git(seed, 'rev-parse', 'HEAD');
    git(seed, 'push', '--quiet', hub, 'HEAD:refs/heads/main');
    const lines = [service.projectLine('app', ours), `MERGE=app ${source}`];
    service.claims.push(service.claimText(lines, { CATEGORY: 'merge' }));
    const running = start("sed -i.bak -e '/^[<=>]\\{7\\}/d' shared.txt; rm shared.txt.bak");
    await untilReported('submit');
    expect(git(hub, 'log', '-1', '--format=%P', tip('app'))).toBe(`${ours} ${source}`);
    expect(git(hub, 'show', `${tip('app')}:shared.txt`)).toBe('first\nours\ntheirs\nlast');
    expect(running.entries()).toEqual([`core/one merge app ${tip('app')} - -`]);
  });

  test('fails the attempt when a conflict is left', async () => {
    const base = service.addProject('app');
    const seed = join(service.root, 'app-seed');
    for (const side of ['ours', 'theirs']) {
      git(seed, 'reset', '--quiet', '--hard', base);
      writeFileSync(join(seed, 'shared.txt'), `${side}\n`);
      git(seed, 'commit', '--quiet', '--all', `--message=${side}`);
      git(seed, 'push', '--quiet', service.repository('app'), `HEAD:refs/heads/${side}`);
    }
    const lines = [service.projectLine('app', tip('app', 'ours')), `MERGE=app ${tip('app', 'theirs')}`];
    service.claims.push(service.claimText(lines, { CATEGORY: 'merge' }));
    const running = start('exit 0');
    await untilReported('fail');
    expect(running.entries()).toEqual([]);
    expect(() => tip('app')).toThrow();
  });

  test('tells the command what the reviewer said, what the description has of it only once', async () => {
    const lines = [
      service.projectLine('app', service.addProject('app')),
      'COMMENT_ID=c1',
      'COMMENT=app shared.txt:1 why so',
      'COMMENT_SIDE=new',
      'COMMENT_ID=c2',
      'COMMENT=app shared.txt:2 too short\\nby far',
      'COMMENT_SIDE=old',
    ];
    const values = { CATEGORY: 'review', TASK_DESCRIPTION: '- line 1 (comment c1)\\n  why so' };
    service.claims.push(service.claimText(lines, values));
    start('cat >answer');
    expect(JSON.parse(await untilReported('submit'))).toMatchObject({ fixedAll: 'see what was pushed' });
    expect(git(service.repository('app'), 'show', `${tip('app')}:answer`)).toBe(
      'Do one\n\n- line 1 (comment c1)\n  why so\nreview comment, old side: app shared.txt:2 too short\nby far',
    );
  });

  test('has the work of the demo finish exactly the lines that were commented on', async () => {
    service.addProject('app');
    const seed = join(service.root, 'app-seed');
    const handbook = ['a', 'b', 'c', 'd', 'e'].map((what) => `${what}: TODO\n`).join('');
    writeFileSync(join(seed, 'hand book.txt'), handbook);
    git(seed, 'add', '--all');
    git(seed, 'commit', '--quiet', '--message=left open');
    git(seed, 'push', '--quiet', service.repository('app'), 'HEAD:refs/heads/main');
    const place = { project: 'app', file: 'hand book.txt' };
    const comments = [
      sampleComment({ ...place, line: 1, text: 'Please finish this.' }),
      { ...sampleComment({ ...place, line: 4, text: 'The same here.' }), startLine: 3 },
    ];
    const claim = service.claim(git(seed, 'rev-parse', 'HEAD'));
    const task = { ...claim.task, category: 'review' as const, description: commentsText(comments) };
    service.claims.push(claimLines({ ...claim, task, comments }));
    const demo = { DEMO_SEED: '1', DEMO_VICTIM: '', DEMO_CONFLICTING: '', DEMO_UNFINISHED: '' };
    start(`exec sh '${join(process.cwd(), 'src/demo/work.sh')}'`, demo);
    await untilReported('submit');
    expect(git(service.repository('app'), 'show', `${tip('app')}:hand book.txt`)).toBe(
      'a: as one says\nb: TODO\nc: as one says\nd: as one says\ne: TODO',
    );
  });

  test('says so when the command changed nothing', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    const running = start('exit 0');
    expect(JSON.parse(await untilReported('submit'))).toMatchObject({
      noChanges: expect.any(String),
    });
    expect(existsSync(running.ledger)).toBe(false);
  });

  test('fails the attempt when the command fails, and takes the next task', async () => {
    const line = service.projectLine('app', service.addProject('app'));
    service.claims.push(service.claimText([line]), service.claimText([line], { ATTEMPT: '2' }));
    start('[ "$ATTEMPT" = 2 ] && echo done >new.txt');
    await untilReported('fail');
    await untilReported('submit');
  });

  test('stops the command and pushes nothing when its lease is over', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    service.trouble.set('heartbeat', [409]);
    const running = start('echo new >new.txt; exec sleep 300');
    await untilReported('fail');
    expect(running.entries()).toEqual([]);
    expect(() => tip('app')).toThrow();
  });

  test('has no heartbeat any more once it was killed', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    const running = start('touch "$ROOT/begun"; exec sleep 300');
    // Heartbeats begin before the command does: only then is anything left of the agent that `stop` can end.
    await until(() => expect(existsSync(join(service.root, 'begun'))).toBe(true));
    await until(() => expect(service.posted('/heartbeat').length).toBeGreaterThan(0));
    running.child.kill('SIGKILL');
    await until(() => expect(running.child.signalCode).toBe('SIGKILL'));
    const before = service.posted('/heartbeat').length;
    // Longer than two heartbeats: that nothing comes is the fact waited for.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(service.posted('/heartbeat').length).toBeLessThanOrEqual(before + 1);
  });

  test('repeats what a service that is away did not answer', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    for (const path of ['agents', 'claim', 'submit']) service.trouble.set(path, [503]);
    const running = start('echo new >new.txt');
    await until(() => expect(service.posted('/submit')).toHaveLength(2));
    expect(running.entries()).toHaveLength(1);
  });

  test('does not record work that the hub kept aside', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    keepAside(service.repository('app'));
    const running = start('echo new >new.txt');
    await untilReported('fail');
    expect(tip('app', 'refs/signalbox/late/one')).toMatch(/^[0-9a-f]{40}$/u);
    expect(running.entries()).toEqual([]);
  });

  test('never takes a value for a command or for the name of another variable', async () => {
    const ran = join(service.root, 'ran');
    const hostile = `$(touch ${ran}) \`touch ${ran}\`; touch ${ran}`;
    const lines = [
      service.projectLine('app', service.addProject('app')),
      'PATH=/nowhere',
      `COMMENT_ID=*${hostile}`,
      `COMMENT=${hostile}`,
      `COMMENT_SIDE=${hostile}`,
    ];
    const values = { TASK_TITLE: `--amend ${hostile}`, TASK_DESCRIPTION: hostile };
    service.claims.push(service.claimText(lines, values));
    start('printf %s "$TASK_DESCRIPTION" >new.txt');
    await untilReported('submit');
    expect(git(service.repository('app'), 'show', `${tip('app')}:new.txt`)).toBe(hostile);
    expect(existsSync(ran)).toBe(false);
  });

  test('reads what the service writes, whatever people have put into it', async () => {
    const ran = join(service.root, 'ran');
    const nasty = `$(touch ${ran}) \`touch ${ran}\`; "quoted" 'too' \\n \\\\ \\c %s\rCR\u2028LS\nGIT_PASSWORD=x\n-n end`;
    const plain = nasty.replace('\u2028', ' ');
    const claim = service.claim(service.addProject('app'));
    service.claims.push(
      claimLines({
        ...claim,
        task: { ...claim.task, title: `-e ${nasty}`, description: nasty },
        comments: [sampleComment({ project: 'app', file: 'shared.txt', line: 2, text: nasty })],
        conflict: sampleConflict([{ project: 'app', path: nasty, type: 'CONFLICT (contents)' }]),
      }),
    );
    const running =
      start(`printf %s "$TASK_TITLE" >"$ROOT/title"; printf %s "$TASK_DESCRIPTION" >"$ROOT/description"
cat >"$ROOT/briefing"; echo new >'a "b" \\ c.txt'`);
    expect(JSON.parse(await untilReported('submit'))).toEqual({
      lease: LEASE,
      fixedAll: 'see what was pushed',
    });
    const seen = (name: string) => readFileSync(join(service.root, name), 'utf8');
    expect(seen('title')).toBe(`-e ${plain}`);
    expect(seen('description')).toBe(plain);
    expect(seen('briefing')).toBe(
      `-e ${plain}\n\n${plain}\nreview comment, new side: app shared.txt:2 ${plain}\n`,
    );
    expect(existsSync(ran)).toBe(false);
    // As git prints it, which is how the proof looks it up.
    expect(running.entries()).toEqual([expect.stringMatching(/ "a \\"b\\" \\\\ c\.txt"$/u)]);
  });

  test.each(['../x', '--upload-pack=x', 'a/b'])('refuses the project key %s', async (key) => {
    const base = service.addProject('app');
    service.claims.push(
      service.claimText([`PROJECT=${key} ${service.url}/git/app.git ${base} refs/heads/main`]),
    );
    start('echo new >new.txt');
    await untilReported('fail');
    expect(() => tip('app')).toThrow();
  });

  test('keeps token and password out of arguments, addresses and the environment of the command', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    const running = start('{ env; git config --list --show-origin; } >"$ROOT/seen"; echo new >new.txt');
    await untilReported('submit');
    expect(service.posts[0]?.authorization).toBe(`Bearer ${TOKEN}`);
    const argv = readFileSync(running.argvLog, 'utf8');
    expect(argv).toContain('push --porcelain');
    const seen = readFileSync(join(service.root, 'seen'), 'utf8');
    expect(seen).toContain(`LEASE_ID=${LEASE}`);
    for (const text of [argv, seen, running.stderr]) {
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain(PASSWORD);
    }
  });

  test('gives up a report to a service that goes on failing, and asks for the next task', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    service.trouble.set(
      'submit',
      Array.from({ length: 50 }, () => 502),
    );
    const running = start('echo unique >new.txt', { SIGNALBOX_PATIENCE: '2' });
    await until(() => expect(running.stderr).toContain('submit core/one: 502'));
    const asked = service.posted('/claim').length;
    await until(() => expect(service.posted('/claim').length).toBeGreaterThan(asked));
    expect(service.posted('/submit')).toHaveLength(2);
  });

  test('keeps its command running while heartbeats meet a service that fails', async () => {
    service.claims.push(service.claimText([service.projectLine('app', service.addProject('app'))]));
    service.trouble.set('heartbeat', [502, 502]);
    const script = 'until [ -e "$ROOT/go" ]; do sleep 0.1; done; echo unique >new.txt';
    start(script, { SIGNALBOX_PATIENCE: '1' });
    await until(() => expect(service.posted('/heartbeat').length).toBeGreaterThan(2));
    writeFileSync(join(service.root, 'go'), '');
    expect(JSON.parse(await untilReported('submit'))).toEqual({ lease: LEASE });
  });

  test('is at most 60 lines', () => {
    expect(readFileSync('examples/agent.sh', 'utf8').split('\n').length - 1).toBeLessThanOrEqual(60);
  });
});

/** What the hub does with a push under an expired lease: git's proc-receive hook puts it on another ref. */
function keepAside(repository: string): void {
  git(repository, 'config', 'receive.procReceiveRefs', 'refs/heads/signalbox');
  const hook = `#!${process.execPath}
const { readSync, writeSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
const read = (n) => { const b = Buffer.alloc(n); let at = 0; while (at < n) at += readSync(0, b, at, n - at); return b.toString(); };
const line = () => { const n = Number.parseInt(read(4), 16); return n === 0 ? null : read(n - 4); };
const say = (text) => writeSync(1, (text.length + 4).toString(16).padStart(4, '0') + text);
while (line() !== null);
say('version=1\\n'); writeSync(1, '0000');
for (let l = line(); l !== null; l = line()) {
  const [, to, ref] = l.trim().split(' ');
  execFileSync('git', ['update-ref', 'refs/signalbox/late/one', to]);
  say('ok ' + ref + '\\n'); say('option refname refs/signalbox/late/one\\n'); say('option new-oid ' + to + '\\n');
}
writeSync(1, '0000');
`;
  writeFileSync(join(repository, 'hooks', 'proc-receive'), hook, { mode: 0o755 });
}
