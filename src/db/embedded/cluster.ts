import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../make-folder.ts';
import { flushFolder } from '../flush-folder.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedRefusal } from './embedded-refusal.ts';
import type { ServerUser } from './server-user.ts';

/** What initdb was told, kept beside the data in one folder that appears whole: data without its password can not happen. */
const credentialsFile = z.object({ user: z.string(), password: z.string(), secret: z.string() });
export type Credentials = z.infer<typeof credentialsFile>;

/** One database cluster on disk: `data/`, `credentials.json` (0600). */
export interface Cluster {
  folder: string;
  data: string;
  /** What the server says; never its data. */
  log: string;
  credentials: Credentials;
}

const superuser = 'signalbox';

/** Reads an existing cluster; null when there is none. */
export async function readCluster(folder: string): Promise<Cluster | null> {
  try {
    await stat(folder);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
  const data = path.join(folder, 'data');
  try {
    const credentials = credentialsFile.parse(
      JSON.parse(await readFile(path.join(folder, 'credentials.json'), 'utf8')),
    );
    await stat(path.join(data, 'PG_VERSION'));
    return { folder, data, log: path.join(folder, 'server.log'), credentials };
  } catch (error) {
    throw new EmbeddedRefusal(
      'postgres_data_unreachable',
      `${folder} holds a PostgreSQL cluster that can not be read as this user, or is not whole. Nothing was changed: start as the user who made it, or restore the folder from a backup.`,
      { cause: error },
    );
  }
}

/**
 * Makes a new cluster at `folder`, which must not exist. It is built beside its place and renamed, so a crash leaves no half cluster behind, and of
 * two processes that do this at once one wins and both read the winner's.
 */
export async function createCluster(
  folder: string,
  binaries: Binaries,
  user: ServerUser | null,
): Promise<Cluster> {
  const building = `${folder}.${randomBytes(4).toString('hex')}.tmp`;
  const data = path.join(building, 'data');
  const passwordFile = path.join(building, 'password');
  const credentials = {
    user: superuser,
    password: randomBytes(24).toString('base64url'),
    secret: randomBytes(24).toString('base64url'),
  };
  try {
    await makeFolder(building, 0o711);
    await makeFolder(data, 0o700);
    await writeFile(passwordFile, credentials.password, { mode: 0o600 });
    if (user !== null) {
      await chown(data, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    await runInitdb(binaries, data, passwordFile, credentials.secret, user);
    await rm(passwordFile);
    await writeFile(path.join(building, 'credentials.json'), JSON.stringify(credentials), {
      mode: 0o600,
      flush: true,
    });
    await flushFolder(building);
    await rename(building, folder);
    await flushFolder(path.dirname(folder));
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // Another start was faster: its cluster is as good, whatever became of ours.
    if ((await readCluster(folder)) === null) throw error;
  }
  const made = await readCluster(folder);
  if (made === null) throw new Error(`${folder} vanished while it was being made`);
  return made;
}

async function runInitdb(
  binaries: Binaries,
  data: string,
  passwordFile: string,
  secret: string,
  user: ServerUser | null,
): Promise<void> {
  const settings = {
    listen_addresses: '127.0.0.1',
    // No socket: its path would have to stay under 107 bytes, and a project may lie deeper than that.
    unix_socket_directories: '',
    // How a starting service knows that the server on a port is the one of this folder.
    'signalbox.secret': secret,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    max_connections: '200',
  };
  const { code, output } = await runToEnd(
    binaries.initdb,
    [
      `--pgdata=${data}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      ...Object.entries(settings).map(([name, value]) => `--set=${name}=${value}`),
    ],
    user,
  );
  if (code !== 0)
    throw new EmbeddedRefusal(
      'postgres_did_not_start',
      `initdb failed for ${data}: ${output.trim().split('\n').slice(-3).join(' ')}`,
    );
}

function runToEnd(
  file: string,
  args: string[],
  user: ServerUser | null,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...asUser(user), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The server's surroundings: no environment of ours (PG* variables would change it), a folder that every user may be in. */
export function asUser(user: ServerUser | null): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  const surroundings = { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
  return user === null ? surroundings : { ...surroundings, uid: user.uid, gid: user.gid };
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
