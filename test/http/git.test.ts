import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Hub } from '../../src/git/hub.ts';
import type { HubAccess } from '../../src/services/contracts.ts';
import { expectProblem } from './problem-of.ts';
import { LEASE } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

const ATTEMPT = 'refs/heads/signalbox/goal/attempt/build/first/1';
const PROJECT_ID = '88888888-8888-4888-8888-888888888888';
const PASSWORD = 'the-secret-of-the-lease';
const run = promisify(execFile);

let folder: string;
let server: ServerUnderTest;
let address: string;
const asked: string[] = [];

const access: HubAccess = {
  async grantFor(projectKey, username, password, wanted) {
    asked.push(wanted);
    if (projectKey !== 'api' || username !== LEASE || password !== PASSWORD) return null;
    return {
      projectId: PROJECT_ID,
      readRefs: ['refs/heads/main', ATTEMPT],
      push: { mode: 'attempt', ref: ATTEMPT },
    };
  },
};

/** Git as an agent runs it: the credential comes from a helper, never from the address. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const helper = '!f() { printf "username=%s\\npassword=%s\\n" "$GIT_USERNAME" "$GIT_PASSWORD"; }; f';
  const { stdout } = await run(
    'git',
    ['-c', 'credential.helper=', '-c', `credential.helper=${helper}`, ...args],
    {
      cwd,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_USERNAME: LEASE,
        GIT_PASSWORD: PASSWORD,
        GIT_AUTHOR_NAME: 'Agent',
        GIT_AUTHOR_EMAIL: 'agent@example.test',
        GIT_COMMITTER_NAME: 'Agent',
        GIT_COMMITTER_EMAIL: 'agent@example.test',
      },
    },
  );
  return stdout.trim();
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'signalbox-http-git-'));
  const remote = path.join(folder, 'remote');
  await git(folder, 'init', '--quiet', '--initial-branch=main', remote);
  await git(remote, 'commit', '--quiet', '--allow-empty', '-m', 'Begin');
  const hub = new Hub({ root: path.join(folder, 'hub'), runner: new GitRunner({ deadlineMs: 20_000 }) });
  await hub.ensure({ id: PROJECT_ID, remote, defaultBranch: 'main' });
  server = await startServerUnderTest({ hub, hubAccess: access });
  address = await server.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('git over HTTP', () => {
  test('clones, and pushes more than a JSON body may have', async () => {
    const work = path.join(folder, 'work');
    await git(folder, 'clone', '--quiet', `${address}/git/api.git`, work);
    await writeFile(path.join(work, 'big.bin'), randomBytes(3_000_000));
    await git(work, 'add', '.');
    await git(work, 'commit', '--quiet', '-m', 'Work');
    asked.length = 0;
    await git(work, 'push', '--quiet', 'origin', `HEAD:${ATTEMPT}`);
    expect(new Set(asked)).toEqual(new Set(['push']));
    const pushed = await git(folder, 'ls-remote', `${address}/git/api.git`, ATTEMPT);
    expect(pushed.split('\t')[0]).toBe(await git(work, 'rev-parse', 'HEAD'));
  });

  test('asks for a password first, then serves who has it, and never logs it', async () => {
    const url = '/git/api.git/info/refs?service=git-upload-pack';
    const anonymous = await server.app.inject({ url, headers: { host: 'localhost' } });
    expectProblem(anonymous, 'unauthenticated');
    expect(anonymous.headers['www-authenticate']).toBe('Basic realm="signalbox"');
    const wrong = Buffer.from(`${LEASE}:wrong-password`).toString('base64');
    expectProblem(
      await server.app.inject({ url, headers: { host: 'localhost', authorization: `Basic ${wrong}` } }),
      'unauthenticated',
    );
    expect(server.log.join('')).not.toMatch(/wrong-password|the-secret-of-the-lease/);
  });

  test('is not opened by a bearer token, not even an admin one', async () => {
    expectProblem(
      await server.as('admin', { url: '/git/api.git/info/refs?service=git-upload-pack' }),
      'unauthenticated',
    );
  });

  test('passes a compressed body on as it came', async () => {
    const authorization = `Basic ${Buffer.from(`${LEASE}:${PASSWORD}`).toString('base64')}`;
    const tip = await git(path.join(folder, 'remote'), 'rev-parse', 'HEAD');
    // What a client sends to get one commit, in packet lines.
    const body = gzipSync(Buffer.from(`0032want ${tip}\n00000009done\n`));
    const answer = await fetch(`${address}/git/api.git/git-upload-pack`, {
      method: 'POST',
      headers: {
        authorization,
        'content-type': 'application/x-git-upload-pack-request',
        'content-encoding': 'gzip',
      },
      body,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-request-id')).not.toBeNull();
    expect(await answer.text()).toMatch(/^0008NAK\nPACK/);
  });

  test.each([
    '/git/api.git/HEAD',
    '/git/api.git/objects/info/packs',
    '/git/api.git/info/refs',
    '/git/api.git/info/refs?service=git-upload-archive',
    '/git/../api.git/info/refs?service=git-upload-pack',
    '/git/--upload-pack=x.git/info/refs?service=git-upload-pack',
    '/git/api.git%2f..%2fother.git/info/refs?service=git-upload-pack',
  ])('serves no %s', async (url) => {
    expectProblem(await server.app.inject({ url, headers: { host: 'localhost' } }), 'route_not_found');
  });

  test('tells nobody which projects there are: an unknown one is answered like a wrong password', async () => {
    const authorization = `Basic ${Buffer.from(`${LEASE}:${PASSWORD}`).toString('base64')}`;
    const answer = await server.app.inject({
      url: '/git/nope.git/info/refs?service=git-upload-pack',
      headers: { host: 'localhost', authorization },
    });
    expectProblem(answer, 'unauthenticated');
  });
});
