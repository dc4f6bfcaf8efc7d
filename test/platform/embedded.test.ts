import { execFile, spawn } from 'node:child_process';
import {
  appendFile,
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Binaries, installBinaries } from '../../src/db/embedded/binaries.ts';
import { asUser, createCluster } from '../../src/db/embedded/cluster.ts';
import { findFreePort, isPortFree } from '../../src/db/embedded/free-port.ts';
import { placeCluster } from '../../src/db/embedded/placement.ts';
import { clusterUrl, startPostmaster, stopPostmaster } from '../../src/db/embedded/postmaster.ts';
import { findServerUser } from '../../src/db/embedded/server-user.ts';
import { takePort } from '../support/take-port.ts';
import { beginHolder, type Holder, startHolder } from './embedded-holder-process.ts';

// Each start is a process of its own, and some make a cluster: a busy machine needs its time.
vi.setConfig({ testTimeout: 120_000 });

const isRoot = process.geteuid?.() === 0;
const patience = { timeout: 60_000, interval: 50 };

let root: string;
let dataFolder: string;

/** Copied once for most tests: 60 MB each time would be most of the run. */
let binaries: Binaries;
/** A data folder with a cluster that no server has run on yet: a copy costs a tenth of an initdb. */
let made: string;
let shared: string;
const holders: Holder[] = [];

beforeAll(async () => {
  shared = await mkdtemp(path.join(tmpdir(), 'signalbox-binaries-'));
  await chmod(shared, 0o755);
  binaries = await installBinaries(shared);
  made = path.join(shared, 'made');
  await addPrograms(made);
  await placeCluster(made);
});
afterAll(() => rm(shared, { recursive: true, force: true }));

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'signalbox-embedded-'));
  await chmod(root, 0o755);
  dataFolder = path.join(root, '.signalbox');
});
afterEach(async () => {
  await Promise.all(holders.splice(0).map((holder) => holder.close()));
  await rm(root, { recursive: true, force: true });
});

async function addPrograms(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'postgresql'), { recursive: true });
  await symlink(binaries.folder, path.join(folder, 'postgresql', path.basename(binaries.folder)));
}

/** With the owners that root gave the files, which `fs.cp` does not keep. */
async function copyMade(): Promise<void> {
  await promisify(execFile)('cp', ['-a', made, dataFolder]);
}

async function hold(settings: object = {}, user?: { uid: number; gid: number }): Promise<Holder> {
  const holder = await startHolder({ dataFolder, ...settings }, user);
  holders.push(holder);
  return holder;
}

/** Where the test is not about making a cluster. */
async function holdMade(settings: object = {}): Promise<Holder> {
  await copyMade();
  return hold(settings);
}

async function ask<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterOf(url: string): Promise<number> {
  const [row] = await ask<{ pid: string }>(
    url,
    `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`,
  );
  return Number(row?.pid);
}

/** Looks at the port alone: a session that asks would be a client, for which the watcher lets the server be. */
async function expectStopped(url: string): Promise<void> {
  const port = Number(new URL(url).port);
  await vi.waitFor(async () => expect(await isPortFree(port)).toBe(true), patience);
}

describe('the embedded PostgreSQL', () => {
  it('listens on 127.0.0.1 only, without a socket, behind a generated password in a file of its owner', async () => {
    const { url } = await holdMade();
    const [settings] = await ask(
      url,
      `SELECT current_setting('listen_addresses') AS hosts, current_setting('unix_socket_directories') AS sockets`,
    );
    expect(settings).toEqual({ hosts: '127.0.0.1', sockets: '' });
    const file = await stat(path.join(dataFolder, 'postgresql/cluster/credentials.json'));
    expect(file.mode & 0o777).toBe(0o600);
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(await readFile(path.join(dataFolder, 'postgresql.log'), 'utf8')).toContain(
      'password authentication failed',
    );
  });

  it('runs from a copy of its programs outside node_modules', async () => {
    await copyMade();
    const copied = path.join(dataFolder, 'postgresql', path.basename(binaries.folder));
    await rm(copied);
    const { url } = await hold();
    expect((await lstat(copied)).isDirectory()).toBe(true);
    const command = await readFile(`/proc/${await postmasterOf(url)}/cmdline`, 'utf8').catch(() => copied);
    expect(command.startsWith(copied)).toBe(true);
  });

  it('stops with the only process that uses it, and keeps its data', async () => {
    const first = await holdMade();
    await ask(first.url, 'CREATE TABLE kept (id int)');
    await first.close();
    await expectStopped(first.url);
    const second = await hold();
    await expect(ask(second.url, 'SELECT * FROM kept')).resolves.toEqual([]);
  });

  it('survives a SIGKILL of the service and is adopted by the next', async () => {
    const first = await holdMade();
    const pid = await postmasterOf(first.url);
    await ask(first.url, 'CREATE TABLE kept (id int)');
    await first.kill();
    const second = await hold();
    expect(second.url).toBe(first.url);
    expect(await postmasterOf(second.url)).toBe(pid);
    expect(second.said()).toContain('adopted');
  });

  it('is adopted without its pid file and its noted port being right', async () => {
    const first = await holdMade();
    await first.kill();
    await writeFile(path.join(dataFolder, 'postgresql/cluster/port'), '1\n');
    const second = await hold();
    expect(second.url).toBe(first.url);
  });

  it('is not confused with another server on its port', async () => {
    const first = await holdMade();
    await ask(first.url, 'CREATE TABLE first_folder (id int)');
    const other = path.join(root, 'other');
    await addPrograms(other);
    const second = await hold({ dataFolder: other });
    await second.close();
    await writeFile(path.join(other, 'postgresql/cluster/port'), `${new URL(first.url).port}\n`);
    const again = await hold({ dataFolder: other });
    expect(new URL(again.url).port).not.toBe(new URL(first.url).port);
    await expect(ask(again.url, 'SELECT * FROM first_folder')).rejects.toThrow('does not exist');
  });

  it('stays while another process uses it', async () => {
    const first = await holdMade();
    const second = await hold();
    expect(second.url).toBe(first.url);
    await first.close();
    await expect(ask(second.url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await second.close();
    await expectStopped(second.url);
  });

  it('is made once by two processes that start at the same time', async () => {
    await addPrograms(dataFolder);
    const [first, second] = await Promise.all([hold(), hold()]);
    expect(second.answer).toEqual(first.answer);
    expect(second.url).not.toBe('');
    const clusters = (await readdir(path.join(dataFolder, 'postgresql'))).filter((name) =>
      name.startsWith('cluster'),
    );
    expect(clusters).toEqual(['cluster']);
  });

  it('is taken by another start whose lock is there and has nothing in it yet', async () => {
    await copyMade();
    const folder = path.join(dataFolder, 'postgresql');
    const user = await findServerUser();
    const cluster = await createCluster(path.join(folder, 'another'), binaries, user);
    await writeFile(path.join(cluster.data, 'postmaster.pid'), '', { mode: 0o644 });
    expect(await startPostmaster(binaries, cluster, await findFreePort(), user)).toMatchObject({
      result: 'taken',
    });
  });

  it('is started again, on the same port, when it dies under a living service', async () => {
    const holder = await holdMade();
    const pid = await postmasterOf(holder.url);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(
      async () => expect(await postmasterOf(holder.url).catch(() => pid)).not.toBe(pid),
      patience,
    );
  });

  it('says so when somebody else took its port while it was down, and is started when the port is free', async () => {
    const holder = await holdMade();
    const pid = await postmasterOf(holder.url);
    const port = Number(new URL(holder.url).port);
    // The service stands still, so that it can not be faster.
    process.kill(holder.pid, 'SIGSTOP');
    process.kill(pid, 'SIGKILL');
    const stranger = await takePort(port);
    process.kill(holder.pid, 'SIGCONT');
    await vi.waitFor(
      () => expect(holder.said()).toContain(`Port ${port} of 127.0.0.1, where PostgreSQL was, is taken`),
      patience,
    );
    await new Promise((resolve) => stranger.close(resolve));
    await vi.waitFor(async () => expect(await postmasterOf(holder.url)).not.toBe(pid), patience);
  });

  it('is stopped by its watcher when no client session is left', async () => {
    const holder = await holdMade({ idleMs: 400 });
    await holder.kill();
    await expectStopped(holder.url);
  });

  it('is stopped by its watcher also when the service was killed while the server was recovering', async () => {
    // No server has run on it: its watcher would find this one as well.
    await copyMade();
    const { cluster } = await placeCluster(dataFolder);
    const { data } = cluster;
    const port = await findFreePort();
    await writeFile(path.join(cluster.folder, 'port'), `${port}\n`);
    const url = clusterUrl(cluster, port, 'postgres');
    // Recovery asks this command for more, and waits for its answer.
    const answer = path.join(root, 'answer');
    await appendFile(
      path.join(data, 'postgresql.conf'),
      `restore_command = 'until [ -e "${answer}" ]; do sleep 0.1; done; exit 1'\n`,
    );
    await writeFile(path.join(data, 'recovery.signal'), '');
    await chmod(path.join(data, 'recovery.signal'), 0o666);
    const service = beginHolder({ dataFolder, idleMs: 400 });
    onTestFinished(() => service.kill());
    await vi.waitFor(() => expect(ask(url, 'SELECT 1')).rejects.toMatchObject({ code: '57P03' }), patience);
    const pid = Number((await readFile(path.join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    onTestFinished(() => stopPostmaster(pid));
    await service.kill();
    await writeFile(answer, '');
    await expectStopped(url);
    // It was up in between, which ends a recovery.
    await expect(stat(path.join(data, 'recovery.signal'))).rejects.toThrow('ENOENT');
  });

  it('is not stopped by its watcher while a service holds it', async () => {
    const holder = await holdMade({ idleMs: 200 });
    const [row] = await ask<{ held: string }>(
      holder.url.replace('/signalbox?', '/postgres?'),
      `SELECT CASE WHEN pg_sleep(1.5) IS NOT NULL THEN 'held' END AS held`,
    );
    expect(row?.held).toBe('held');
    await expect(ask(holder.url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
  });

  it('starts although postmaster.pid names a living process that is another program', async () => {
    const first = await holdMade();
    await first.close();
    // One of the server's user: to PostgreSQL itself a process that it may not signal is none.
    const other = spawn('sleep', ['600'], asUser(await findServerUser()));
    onTestFinished(() => void other.kill());
    const file = path.join(dataFolder, 'postgresql/cluster/data/postmaster.pid');
    await writeFile(file, `${other.pid}\n${path.dirname(file)}\n1\n1\n\n127.0.0.1\n\nready\n`);
    const second = await hold();
    expect(second.answer.refused).toBeUndefined();
  });
});

describe('existing data', () => {
  it('is never initialized over, whatever is broken in it', async () => {
    const first = await holdMade();
    await ask(first.url, 'CREATE TABLE kept (id int)');
    await first.close();
    const cluster = path.join(dataFolder, 'postgresql/cluster');
    await rename(path.join(cluster, 'credentials.json'), path.join(cluster, 'hidden.json'));
    const refused = await hold();
    expect(refused.answer.refused).toBe('postgres_data_unreachable');
    await rename(path.join(cluster, 'hidden.json'), path.join(cluster, 'credentials.json'));
    const second = await hold();
    await expect(ask(second.url, 'SELECT * FROM kept')).resolves.toEqual([]);
  });

  it('of another major version is refused by name and left alone', async () => {
    const first = await holdMade();
    await first.close();
    const file = path.join(dataFolder, 'postgresql/cluster/data/PG_VERSION');
    await writeFile(file, '17\n');
    const refused = await hold();
    expect(refused.answer).toMatchObject({
      refused: 'postgres_other_version',
      message: expect.stringContaining('PostgreSQL 17'),
    });
    expect(await readFile(file, 'utf8')).toBe('17\n');
  });
});

async function systemRoot(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'signalbox-system-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  return folder;
}

describe.runIf(isRoot)('as root', () => {
  it('runs PostgreSQL as an unprivileged user', async () => {
    const { url } = await holdMade();
    const status = await readFile(`/proc/${await postmasterOf(url)}/status`, 'utf8');
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
    expect(Number(uid)).toBe((await findServerUser())?.uid);
    expect(Number(uid)).not.toBe(0);
  });

  it('keeps the data of a 0700 folder under the system root, by the id in the data folder', async () => {
    await chmod(root, 0o700);
    const elsewhere = await systemRoot();
    const first = await hold({ systemRoot: elsewhere });
    const id = (await readFile(path.join(dataFolder, 'postgresql-id'), 'utf8')).trim();
    expect(await readdir(elsewhere)).toEqual([id]);
    await ask(first.url, 'CREATE TABLE kept (id int)');
    await first.close();
    const second = await hold({ systemRoot: elsewhere });
    await expect(ask(second.url, 'SELECT * FROM kept')).resolves.toEqual([]);
    await second.close();

    await rename(path.join(elsewhere, id), path.join(elsewhere, 'moved'));
    const refused = await hold({ systemRoot: elsewhere });
    expect(refused.answer).toMatchObject({
      refused: 'postgres_data_missing',
      message: expect.stringContaining(id),
    });
    expect(await readdir(elsewhere)).toEqual(['moved']);
  });

  it('works under a umask that closes what it makes, in a new folder and beside a 0700 one', async () => {
    const elsewhere = await systemRoot();
    const open = await hold({ dataFolder: path.join(root, 'new/data'), umask: 0o077, systemRoot: elsewhere });
    expect(open.answer.refused).toBeUndefined();
    expect(await readdir(path.join(root, 'new/data'))).toContain('postgresql');
    expect(await readdir(elsewhere)).toEqual([]);
    await open.close();

    await chmod(root, 0o700);
    const closed = await hold({ umask: 0o077, systemRoot: path.join(elsewhere, 'made') });
    expect(closed.answer.refused).toBeUndefined();
    expect(await readdir(path.join(elsewhere, 'made'))).toHaveLength(1);
  });

  it('leaves nothing behind where its unprivileged user can not enter', async () => {
    const elsewhere = await systemRoot();
    await chmod(elsewhere, 0o700);
    await chmod(root, 0o700);
    const refused = await hold({ systemRoot: elsewhere });
    expect(refused.answer.refused).toBe('postgres_data_unreachable');
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('refuses data that its unprivileged user can not reach any more', async () => {
    const first = await holdMade();
    await first.close();
    await chmod(root, 0o700);
    const refused = await hold();
    expect(refused.answer.refused).toBe('postgres_data_unreachable');
  });
});

describe.runIf(isRoot)('as an ordinary user', () => {
  it('works in a folder of his own', async () => {
    const user = await findServerUser();
    if (user === null) throw new Error('root has a server user');
    const own = path.join(
      root,
      'home',
      'a folder whose path is much longer than a socket of PostgreSQL could ever be, with spaces and a $ in it',
      'x'.repeat(60),
    );
    await mkdir(own, { recursive: true });
    await chown(own, user.uid, user.gid);
    const holder = await hold({ dataFolder: own }, user);
    expect(holder.answer.refused).toBeUndefined();
    const file = await stat(path.join(own, 'postgresql/cluster/credentials.json'));
    expect(file.uid).toBe(user.uid);
  });
});
