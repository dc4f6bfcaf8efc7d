import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scrubbedEnvironment } from '../../scripts/environment.mjs';
import { isAtLeast, nodeFault } from '../../scripts/requirements.mjs';
import { type OwnTestServer, startOwnServer } from '../support/database.ts';

const launcher = path.resolve('scripts/run.mjs');
const otherNode = [
  '--import',
  pathToFileURL(path.resolve('test/platform/fixtures/pretend-other-node.mjs')).href,
];

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-launcher-'));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  said: string;
}

function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], HOME: scratch, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said: said.trim() }));
  });
}

async function fakeGit(output: string): Promise<string> {
  const folder = path.join(scratch, 'bin');
  await mkdir(folder);
  await writeFile(path.join(folder, 'git'), `#!/bin/sh\necho "${output}"\n`);
  await chmod(path.join(folder, 'git'), 0o755);
  return folder;
}

describe('the launcher', () => {
  it('says in one sentence that git is too old, and what to do', async () => {
    const ended = await run([launcher, 'test'], { PATH: await fakeGit('git version 2.37.9 (Apple Git-1)') });
    expect(ended.code).toBe(1);
    expect(ended.said).toMatch(
      /^Signalbox needs git 2\.38 or newer and found git 2\.37\.9: install git .*\.$/,
    );
  });

  it('says in one sentence that there is no git', async () => {
    const ended = await run([launcher, 'start'], { PATH: scratch });
    expect(ended.code).toBe(1);
    expect(ended.said).toMatch(/^Signalbox needs git and found none on the PATH: install git .*\.$/);
  });

  it('says in one sentence that Node is too old when none came along', async () => {
    await cp(path.resolve('scripts'), path.join(scratch, 'scripts'), { recursive: true });
    const ended = await run([...otherNode, path.join(scratch, 'scripts/run.mjs'), 'start']);
    expect(ended.code).toBe(1);
    expect(ended.said).toMatch(
      /^Signalbox needs Node 22\.18 or newer and this is Node 18\.19\.1: run "npm ci" .*\.$/,
    );
  });

  it.each(['18.19.1', '23.5.0'])('goes on with the Node that came along when this is %s', async (version) => {
    await cp(path.resolve('scripts'), path.join(scratch, 'scripts'), { recursive: true });
    await mkdir(path.join(scratch, 'node_modules/.bin'), { recursive: true });
    await mkdir(path.join(scratch, 'node_modules/zod'));
    await mkdir(path.join(scratch, 'src'));
    const brought = path.join(scratch, 'node_modules/.bin/node');
    await writeFile(brought, `#!/bin/sh\nBROUGHT=yes exec "${process.execPath}" "$@"\n`, { mode: 0o755 });
    await writeFile(
      path.join(scratch, 'src/main.ts'),
      'const brought: string = process.env.BROUGHT; console.log(`runs on the one brought: ${brought}`);',
    );
    const ended = await run([...otherNode, path.join(scratch, 'scripts/run.mjs'), 'start'], {
      PRETENDED_NODE: version,
    });
    expect(ended).toEqual({ code: 0, said: 'runs on the one brought: yes' });
  });

  it('says that the packages are not installed', async () => {
    await cp(path.resolve('scripts'), path.join(scratch, 'scripts'), { recursive: true });
    const ended = await run([path.join(scratch, 'scripts/run.mjs'), 'start']);
    expect(ended).toEqual({ code: 1, said: 'Signalbox is not installed yet: run "npm ci" first.' });
  });

  it('compares versions by number', () => {
    expect([
      isAtLeast('22.9.0', [22, 18]),
      isAtLeast('22.18.0', [22, 18]),
      isAtLeast('3.0.0', [2, 38]),
    ]).toEqual([false, true, true]);
  });

  it('takes a Node that runs TypeScript without a flag, which Node 23 learned later than 22', () => {
    const good = ['22.18.0', '22.23.2', '23.6.0', '23.11.1', '24.0.0'];
    const bad = ['18.19.1', '22.17.1', '23.0.0', '23.5.1'];
    expect(good.filter((version) => nodeFault(version) !== null)).toEqual([]);
    expect(bad.filter((version) => nodeFault(version) === null)).toEqual([]);
    expect(nodeFault('23.5.0')).toMatch(/^Signalbox needs Node 23\.6 or newer and this is Node 23\.5\.0: /);
  });

  it('reports the faults of the configuration without a stack', async () => {
    const ended = await run([launcher, 'start'], { SIGNALBOX_PORT: 'x', SIGNALBOX_DATA: scratch });
    expect(ended.code).toBe(1);
    expect(ended.said).toMatch(
      /^The configuration has a fault:\n {2}SIGNALBOX_PORT: must be a whole number from 0 to 65535$/,
    );
  });
});

describe('settings from outside', () => {
  it('do not reach the demo, and reach tests only by the one name that is meant for them', () => {
    const env = {
      PATH: '/bin',
      DATABASE_URL: 'x',
      SIGNALBOX_PORT: '1',
      SIGNALBOX_TEST_DATABASE_URL: 'y',
      PGHOST: 'h',
      PGSERVICE: 's',
      MIKRO_ORM_DB_NAME: 'd',
    };
    expect(scrubbedEnvironment(env, [])).toEqual({ PATH: '/bin' });
    expect(scrubbedEnvironment(env, ['SIGNALBOX_TEST_DATABASE_URL'])).toEqual({
      PATH: '/bin',
      SIGNALBOX_TEST_DATABASE_URL: 'y',
    });
  });

  it('do not lead a test run to a database that they name', async () => {
    const server: OwnTestServer = await startOwnServer();
    try {
      const canary = await server.createDatabase();
      const url = new URL(canary.url);
      const name = url.pathname.slice(1);
      const before = await sessionsOf(server, name);
      const ended = await run(
        [
          launcher,
          'test',
          'test/platform/fixtures/canary.test.ts',
          '--config',
          'test/platform/fixtures/canary.config.ts',
        ],
        {
          DATABASE_URL: canary.url,
          SIGNALBOX_DATABASE_URL: canary.url,
          SIGNALBOX_DATA: scratch,
          PGHOST: url.hostname,
          PGPORT: url.port,
          PGUSER: url.username,
          PGPASSWORD: url.password,
          PGDATABASE: url.pathname.slice(1),
        },
      );
      expect(ended.said).toContain('1 passed');
      expect(ended.code).toBe(0);
      expect(await sessionsOf(server, name)).toBe(before);
      await canary.close();
    } finally {
      await server.close();
    }
  }, 120_000);
});

/** Sessions ever begun on the database, by the server's own count; asked from another database, so as not to be counted. */
async function sessionsOf(server: OwnTestServer, database: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: server.urlOf('postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<{ sessions: string }>(
      'SELECT sessions FROM pg_stat_database WHERE datname = $1',
      [database],
    );
    return rows[0]?.sessions;
  } finally {
    await client.end();
  }
}
