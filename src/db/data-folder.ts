import { randomUUID } from 'node:crypto';
import { access, constants, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { isErrno } from './embedded/cluster.ts';
import { EmbeddedRefusal } from './embedded/embedded-refusal.ts';
import { flushFolder } from './flush-folder.ts';
import { refuseUnusable } from './folder-refusal.ts';

/** What one service keeps on disk besides its database. */
export interface DataFolder {
  /** Absolute, without symbolic links: two ways to one folder are one folder. */
  path: string;
  /** Names this folder's service in the database, for as long as the folder lives. */
  instanceId: string;
  adminTokenFile: string;
  /** Absolute; where the hub's repositories are, in this folder or on storage that several services share. Made when it is bound. */
  hub: string;
}

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Opens the folder, making it and its instance id at the first start. `hub` is stated when it is somewhere else. Throws `folder_unusable`
 * where this user can not write, also when there is nothing to be written yet.
 */
export function openDataFolder(folder: string, hub: string | null = null): Promise<DataFolder> {
  return refuseUnusable('data folder', path.resolve(folder), async () => {
    // As root, PostgreSQL's own user has to pass through; what is inside is closed by itself.
    await makeFolder(folder, process.geteuid?.() === 0 ? 0o711 : 0o700);
    const resolved = await realpath(folder);
    await access(resolved, constants.R_OK | constants.W_OK | constants.X_OK);
    const adminTokenFile = path.join(resolved, 'admin-token');
    await access(adminTokenFile, constants.R_OK).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw error;
    });
    return {
      path: resolved,
      instanceId: await readOrMakeId(path.join(resolved, 'instance-id')),
      adminTokenFile,
      hub: hub === null ? path.join(resolved, 'hub') : path.resolve(hub),
    };
  });
}

async function readOrMakeId(file: string): Promise<string> {
  try {
    await writeFile(file, `${randomUUID()}\n`, { flag: 'wx', flush: true });
    await flushFolder(path.dirname(file));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  const id = (await readFile(file, 'utf8')).trim();
  if (idPattern.test(id)) return id;
  // Empty after a crash in the very first start, perhaps; but a guess could make two services take each other's work back.
  throw new EmbeddedRefusal(
    'postgres_data_unreachable',
    `${file} does not hold an id: delete it if the service never ran in this folder, otherwise restore it from a backup.`,
  );
}
