import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The name of a clone that is made aside, until it is whole and moved into its place. */
export const draftPrefix = '.new-';

/** What git leaves of a push, fetch or packing that was killed: nothing refers to it, and no automatic gc runs here. */
const unfinished: readonly (readonly [folder: string, name: RegExp])[] = [
  ['objects', /^(tmp_objdir-)?incoming-/],
  ['objects/pack', /^tmp_(pack|idx|rev)_/],
];

/**
 * Removes what killed processes left in the hub and what may be of the size of a whole repository: clones that were being made, and
 * objects that had not all arrived. Only what is older than `ageMs`: other processes share the folder, and this has to be longer than
 * any of them may work on such a thing.
 */
export async function removeLeftovers(
  root: string,
  repositories: readonly string[],
  ageMs: number,
): Promise<string[]> {
  const found = [
    ...(await entries(root, new RegExp(`^\\${draftPrefix}`))),
    ...(await unfinishedIn(repositories)),
  ];
  const removed: string[] = [];
  for (const path of found) {
    const stats = await lstat(path).catch(ignoreMissing);
    if (stats === null || Date.now() - stats.mtimeMs < ageMs) continue;
    await rm(path, { recursive: true, force: true });
    removed.push(path);
  }
  return removed;
}

async function unfinishedIn(repositories: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const dir of repositories)
    for (const [folder, name] of unfinished) paths.push(...(await entries(join(dir, folder), name)));
  return paths;
}

async function entries(dir: string, name: RegExp): Promise<string[]> {
  const names = (await readdir(dir).catch(ignoreMissing)) ?? [];
  return names.filter((entry) => name.test(entry)).map((entry) => join(dir, entry));
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
