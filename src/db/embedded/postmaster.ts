import { spawn } from 'node:child_process';
import { open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Binaries } from './binaries.ts';
import { asUser, type Cluster, isErrno } from './cluster.ts';
import type { ServerUser } from './server-user.ts';

/** `taken`: another postmaster has the data folder, or its port. */
export type StartResult = { result: 'ready' } | { result: 'taken' | 'failed'; log: string };

const readyMs = 60_000;
const pollMs = 20;
const largestLog = 10 * 1024 * 1024;

export function clusterUrl(cluster: Cluster, port: number, database: string): string {
  const { user, password } = cluster.credentials;
  // sslmode is stated because PGSSLMODE in someone's environment would otherwise ask for what this server has not.
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
}

export interface PostmasterOptions {
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Called at once with the process, which may still be recovering, or about to end because another one has the data folder. */
  readonly onSpawned?: (pid: number) => void;
}

/** Starts the postmaster in a session of its own: neither Ctrl-C nor a SIGKILL of this process reaches it. */
export async function startPostmaster(
  binaries: Binaries,
  cluster: Cluster,
  port: number,
  user: ServerUser | null,
  { settings = {}, onSpawned = () => undefined }: PostmasterOptions = {},
): Promise<StartResult> {
  await keepLogSmall(cluster.log);
  const log = await open(cluster.log, 'a', 0o600);
  const from = (await log.stat()).size;
  let exited = false;
  try {
    const overrides = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(binaries.postgres, ['-D', cluster.data, '-p', String(port), ...overrides], {
      ...asUser(user),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.once('exit', () => (exited = true));
    child.once('error', () => (exited = true));
    child.unref();
    if (child.pid !== undefined) onSpawned(child.pid);
  } finally {
    await log.close();
  }
  const deadline = Date.now() + readyMs;
  while (Date.now() < deadline) {
    if (exited) {
      const text = (await readFile(cluster.log)).subarray(from).toString();
      const taken =
        // Empty is the lock of another start that has not written to it yet.
        /lock file "postmaster\.pid" (already exists|is empty)|pre-existing shared memory block|Address already in use/.test(
          text,
        );
      return { result: taken ? 'taken' : 'failed', log: text };
    }
    if (await answers(clusterUrl(cluster, port, 'postgres'))) return { result: 'ready' };
    await delay(pollMs);
  }
  return { result: 'failed', log: `no answer within ${readyMs / 1000} s; see ${cluster.log}` };
}

/** The server appends for as long as it runs; each start may put a grown log aside, so that two files bound it in practice. */
async function keepLogSmall(file: string): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size > largestLog) await rename(file, `${file}.old`);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What postmaster.pid says. A hint only: the file outlives a crash, and its pid may be another program's by now. */
export async function readPidFile(cluster: Cluster): Promise<{ pid: number; port: number } | null> {
  try {
    const lines = (await readFile(path.join(cluster.data, 'postmaster.pid'), 'utf8')).split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    return Number.isInteger(pid) && pid > 1 && Number.isInteger(port) ? { pid, port } : null;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Sends the postmaster a signal and waits until it is gone: SIGINT is PostgreSQL's fast shutdown. */
export async function stopPostmaster(pid: number, signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
  for (let sent = false; ; sent = true) {
    try {
      process.kill(pid, sent ? 0 : signal);
    } catch (error) {
      if (isErrno(error, 'ESRCH')) return;
      throw error;
    }
    await delay(pollMs);
  }
}
