import { execFile } from 'node:child_process';
import { readFile, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { z } from 'zod';
import { type Cluster, isErrno } from './cluster.ts';
import { clusterUrl, readPidFile, stopPostmaster } from './postmaster.ts';

/** `busy`: a server is there and says that it is starting, recovering or stopping. */
export type Found = { state: 'running'; port: number } | { state: 'busy' } | { state: 'none' };

const run = promisify(execFile);

/** Session locks in the database `postgres` of the cluster. Shared by every process that uses the server; exclusive to stop it. */
export const serverLock = 0x5167_0010;
/** Held by the one watcher. */
export const watcherLock = 0x5167_0011;

const identity = z.object({ folder: z.string(), secret: z.string().nullable() });

/** Looks for a living server of this cluster. Files only hint at a port; the server itself says whose data it has. */
export async function findRunningServer(cluster: Cluster): Promise<Found> {
  const hints = [(await readPidFile(cluster))?.port, await readPortFile(cluster)];
  for (const port of new Set(hints)) {
    if (port === undefined || port === null) continue;
    const found = await ask(cluster, port);
    if (found.state !== 'none') return found;
  }
  return { state: 'none' };
}

async function ask(cluster: Cluster, port: number): Promise<Found> {
  const client = new pg.Client({
    connectionString: clusterUrl(cluster, port, 'postgres'),
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('data_directory') AS folder, current_setting('signalbox.secret', true) AS secret`,
    );
    const { folder, secret } = identity.parse(rows[0]);
    const ours =
      secret === cluster.credentials.secret && (await realpath(folder)) === (await realpath(cluster.data));
    return ours ? { state: 'running', port } : { state: 'none' };
  } catch (error) {
    // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now: the postmaster lives, and a second one must wait for it.
    const busy = ['57P01', '57P02', '57P03'].some((code) => isErrno(error, code));
    return busy ? { state: 'busy' } : { state: 'none' };
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function portFile(cluster: Cluster): string {
  return path.join(cluster.folder, 'port');
}

/** The last port. Whoever starts the server again takes the same one, so that living pools find it. */
export async function readPortFile(cluster: Cluster): Promise<number | null> {
  try {
    const port = Number(await readFile(portFile(cluster), 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Stops the server that `session` is connected to. The session should hold the exclusive server lock, so that nobody joins meanwhile. */
export async function stopServerOf(session: pg.Client): Promise<void> {
  const { rows } = await session.query<{ pid: string }>(
    `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`,
  );
  const pid = Number(rows[0]?.pid);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error('the server does not name its process');
  await stopPostmaster(pid);
}

/**
 * After a reboot the pid in postmaster.pid may be another program's, and PostgreSQL then refuses to start for ever. Removes the file when the process it
 * names is certainly no postmaster of this folder; PostgreSQL's own check of the shared memory still stands behind this one.
 */
export async function removeForeignPidFile(cluster: Cluster): Promise<boolean> {
  const named = await readPidFile(cluster);
  if (named === null) return false;
  const command = await commandOf(named.pid);
  if (command === null || (command.includes('postgres') && command.includes(cluster.data))) return false;
  await rm(path.join(cluster.data, 'postmaster.pid'), { force: true });
  return true;
}

async function commandOf(pid: number): Promise<string | null> {
  // A bare Debian has no ps, and a Mac no /proc.
  if (process.platform === 'linux') {
    return readFile(`/proc/${pid}/cmdline`, 'utf8').then(
      (text) => text.replaceAll('\0', ' '),
      () => null,
    );
  }
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => null,
  );
}
