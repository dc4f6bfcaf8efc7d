import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';

/** Where a service that runs as root puts a database that can not live in its data folder. */
const SYSTEM_ROOT = '/var/lib/signalbox';

/** A folder of its own for one run. Others may pass through it, not look into it: as root, PostgreSQL runs as another user. */
export async function makeRunFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'signalbox-demo-')));
  await chmod(folder, 0o711);
  for (const name of ['data', 'ledgers', 'sync']) await makeFolder(join(folder, name), 0o711);
  return folder;
}

/** Removes all of a run, a database that had to live elsewhere included. */
export async function removeRunFolder(folder: string): Promise<void> {
  const id = await readFile(join(folder, 'data', 'postgresql-id'), 'utf8').catch(() => '');
  if (/^[0-9a-f-]{36}$/u.test(id.trim())) await remove(join(SYSTEM_ROOT, id.trim()));
  await remove(folder);
}

function remove(path: string): Promise<void> {
  // A process that ends may still write: try again.
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
