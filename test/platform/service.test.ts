import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDataFolder } from '../../src/db/data-folder.ts';
import { findServerUser } from '../../src/db/embedded/server-user.ts';
import { onPort } from '../../src/http/port.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeRemote } from '../support/remote.ts';
import { takePort } from '../support/take-port.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let dataFolder: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  dataFolder = await mkdtemp(path.join(tmpdir(), 'signalbox-service-'));
  await chmod(dataFolder, 0o711);
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => end(child, 'SIGTERM')));
  await rm(dataFolder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  /** Null when it ended before it listened. */
  url: string | null;
  said: () => string;
}

/** Starts the service as `npm start` does and waits until it listens or ends. */
async function start(
  env: NodeJS.ProcessEnv = {},
  user?: { uid: number; gid: number },
  node = process.execPath,
): Promise<Started> {
  const child = spawn(node, ['scripts/run.mjs', 'start'], {
    env: { PATH: process.env['PATH'], SIGNALBOX_DATA: dataFolder, SIGNALBOX_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  started.push(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = await new Promise<string | null>((resolve) => {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = /^Signalbox listens on (\S+)$/m.exec(out);
      if (found !== null) resolve(found[1] ?? null);
    });
    child.once('close', () => resolve(null));
  });
  return { child, url, said: () => said };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return ended;
}

async function adminToken(): Promise<string> {
  return (await readFile(path.join(dataFolder, 'admin-token'), 'utf8')).trim();
}

async function statusWith(url: string | null, token: string): Promise<number> {
  const answer = await fetch(`${url}/v1/projects`, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

describe('npm start', () => {
  it('serves with a first admin token that only its owner can read, and keeps it over a restart', async () => {
    const first = await start();
    const token = await adminToken();
    expect((await stat(path.join(dataFolder, 'admin-token'))).mode & 0o777).toBe(0o600);
    expect(await statusWith(first.url, token)).toBe(200);
    expect(await statusWith(first.url, `${token.slice(0, -1)}x`)).toBe(401);
    expect(await end(first.child, 'SIGTERM')).toBe(0);
    const second = await start();
    expect(await adminToken()).toBe(token);
    expect(await statusWith(second.url, token)).toBe(200);
  });

  it('ends at once on a data folder that has a service, naming its address, and leaves that one alone', async () => {
    const first = await start();
    const second = await start();
    expect(second.url).toBeNull();
    expect(second.child.exitCode).toBe(1);
    expect(second.said()).toContain(`A Signalbox service already runs on ${dataFolder} at ${first.url}. `);
    expect(second.said()).not.toMatch(/^\s+at /m);
    expect(await statusWith(first.url, await adminToken())).toBe(200);
  });

  it('goes on after a SIGKILL with the data it had', async () => {
    const first = await start();
    const token = await adminToken();
    const service = await servicePid();
    process.kill(service, 'SIGKILL');
    await end(first.child, 'SIGTERM');
    // What starts leave behind that were killed long ago, and what one is making now.
    const home = path.join(dataFolder, 'postgresql');
    const [old, young] = ['cluster.00000001.tmp', 'cluster.00000002.tmp'];
    for (const name of [old, young]) await mkdir(path.join(home, name, 'data'), { recursive: true });
    await utimes(path.join(home, old), 0, 0);
    const second = await start();
    expect(await statusWith(second.url, token)).toBe(200);
    const left = await readdir(home);
    expect(left).not.toContain(old);
    expect(left).toContain(young);
  });

  it('goes on after an install has pulled away the Node that it was started with', async () => {
    const database = await createTestDatabase({ poolSize: 2 });
    onTestFinished(async () => {
      await Promise.all(started.splice(0).map((child) => end(child, 'SIGTERM')));
      await database.close();
    });
    const node = path.join(dataFolder, 'node_modules/node');
    await mkdir(path.dirname(node));
    await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
    const { url } = await start({ DATABASE_URL: database.url }, undefined, node);
    await rm(path.dirname(node), { recursive: true });
    // With the next git another one has to be started.
    for (const forkServer of await childrenOf(await servicePid())) process.kill(forkServer, 'SIGKILL');
    const remote = await makeRemote(dataFolder, 'shop');
    const answer = await fetch(`${url}/v1/projects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await adminToken()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'shop', remote: remote.dir }),
    });
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('"shop"')]);
  });
});

/** The service is a child of the launcher; the lock's session knows nothing of pids, so the system is asked. */
async function servicePid(): Promise<number> {
  const [service] = await childrenOf(started[0]?.pid);
  return service ?? Number.NaN;
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')),
  );
  return lists
    .flatMap((list) => list.trim().split(' '))
    .filter(Boolean)
    .map(Number);
}

describe.runIf(process.geteuid?.() === 0)('as another user than the one who made the folder', () => {
  it('is refused by one sentence', async () => {
    const stranger = await findServerUser();
    if (stranger === null) throw new Error('root has a server user');
    const used = await openDataFolder(path.join(dataFolder, 'used'));
    await mkdir(used.hub, { mode: 0o700 });
    await writeFile(path.join(used.hub, 'hub-id'), '');
    const own = path.join(dataFolder, 'own');
    await mkdir(own);
    await chown(own, stranger.uid, stranger.gid);
    const settings = [
      { SIGNALBOX_DATA: used.path },
      { SIGNALBOX_DATA: path.join(dataFolder, 'new') },
      { SIGNALBOX_DATA: own, SIGNALBOX_HUB: used.hub },
    ];
    for (const env of settings) {
      const { child, said } = await start(env, stranger);
      expect(child.exitCode).toBe(1);
      expect(said()).toMatch(
        /^The (data folder|hub) in \S+ can not be used by this user \(EACCES: .*\): start as the user who made it, or .*\.\n$/,
      );
    }
  });
});

describe('a DATABASE_URL that can not be used', () => {
  it('ends the start with one sentence that names host and database, and no password', async () => {
    const { child, url, said } = await start({
      DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/somewhere',
    });
    expect(url).toBeNull();
    expect(child.exitCode).toBe(1);
    expect(said()).toMatch(
      /^The database somewhere at 127\.0\.0\.1:1 \(DATABASE_URL\) can not be used: .*\n$/,
    );
    expect(said()).not.toContain('hidden');
  });
});

describe('a port that can not be listened on', () => {
  it('that is taken ends the start with one sentence, before any actor runs, and everything is closed', async () => {
    const other = await takePort(0);
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { child, url, said } = await start({ SIGNALBOX_PORT: String(port) });
    expect(url).toBeNull();
    expect(child.exitCode).toBe(1);
    expect(said().replaceAll(/^\{.*\}\n/gm, '')).toBe(
      `Port ${port} on 127.0.0.1 is taken by another program; set SIGNALBOX_PORT to another one.\n`,
    );
    expect(said()).toContain('"msg":"stopped PostgreSQL"');
    expect(said()).not.toContain('rehydrated');
    expect(await readdir(dataFolder, { recursive: true })).not.toContainEqual(
      expect.stringMatching(/postmaster\.pid$|admin-token$/),
    );
  });

  it.each([
    ['EACCES', 'Port 80 on 127.0.0.1 is not allowed to this user; set SIGNALBOX_PORT to another one.'],
    ['EADDRINUSE', 'Port 80 on 127.0.0.1 is taken by another program; set SIGNALBOX_PORT to another one.'],
  ])('is refused when the service itself meets %s', async (code, message) => {
    const refused = Promise.reject(Object.assign(new Error('listen'), { code }));
    await expect(onPort({ host: '127.0.0.1', port: 80 }, refused)).rejects.toThrow(message);
  });
});

describe('one data folder and two databases', () => {
  const refusal =
    /^The hub in \S+\/hub belongs to another database: name .* in SIGNALBOX_HUB .*, or .* in DATABASE_URL\.\n$/m;

  async function makeDatabase(): Promise<TestDatabase> {
    const database = await createTestDatabase({ poolSize: 2 });
    onTestFinished(async () => {
      await Promise.all(started.splice(0).map((child) => end(child, 'SIGTERM')));
      await database.close();
    });
    return database;
  }

  it('are refused when the embedded one was first', async () => {
    const database = await makeDatabase();
    const first = await start();
    const second = await start({ DATABASE_URL: database.url });
    expect(second.url).toBeNull();
    expect(second.child.exitCode).toBe(1);
    expect(second.said()).toMatch(refusal);
    expect((await database.sql.query('SELECT FROM hub_id')).rowCount).toBe(0);
    expect(await statusWith(first.url, await adminToken())).toBe(200);
  });

  it('are refused when the own one was first, and no embedded one is made', async () => {
    const database = await makeDatabase();
    const first = await start({ DATABASE_URL: database.url });
    const second = await start();
    expect(second.url).toBeNull();
    expect(second.child.exitCode).toBe(1);
    expect(second.said()).toMatch(refusal);
    await expect(stat(path.join(dataFolder, 'postgresql'))).rejects.toThrow('ENOENT');
    expect(await statusWith(first.url, await adminToken())).toBe(200);
  });

  it('are refused when both were used before, each with a hub of its own', async () => {
    const database = await makeDatabase();
    const elsewhere = { DATABASE_URL: database.url, SIGNALBOX_HUB: path.join(dataFolder, 'other-hub') };
    await end((await start(elsewhere)).child, 'SIGTERM');
    await start();
    const second = await start({ DATABASE_URL: database.url });
    expect(second.child.exitCode).toBe(1);
    expect(second.said()).toMatch(refusal);
    expect((await start(elsewhere)).url).not.toBeNull();
  });
});
