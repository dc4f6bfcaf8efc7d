import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from './repository.ts';

/**
 * Far longer than adding a project can take: its clone is given half an hour. Another process may be at it now, and its row comes last.
 */
const UNUSED_AFTER_MS = 24 * 3_600_000;

const CLONE = /^([0-9a-f-]{36})\.git$/;

export interface UnusedClones {
  readonly root: string;
  readonly repository: (id: string) => Repository;
  /** Which of these projects there are. */
  readonly known: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Removes what a kill has left of projects that were never added: old clones without a project. A clone with refs of ours is left
 * alone: it held work once, so the database is older than its hub. Gives the names of what was removed.
 */
export async function removeUnusedClones({ root, repository, known }: UnusedClones): Promise<string[]> {
  const old: string[] = [];
  for (const name of await readdir(root)) {
    if (CLONE.test(name) && (await isOld(join(root, name)))) old.push(name);
  }
  const ids = old.flatMap((name) => CLONE.exec(name)?.[1] ?? []);
  const projects = ids.length === 0 ? new Set<string>() : await known(ids);
  const removed: string[] = [];
  for (const name of old) {
    const id = CLONE.exec(name)?.[1];
    if (id !== undefined && (projects.has(id) || (await holdsWork(repository(id))))) continue;
    await rm(join(root, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/** By the file that git writes first and nobody writes again. */
async function isOld(dir: string): Promise<boolean> {
  const found = await stat(join(dir, 'HEAD')).catch(() => null);
  return found !== null && found.mtimeMs < Date.now() - UNUSED_AFTER_MS;
}

/** What can not be read counts as work. */
async function holdsWork(repository: Repository): Promise<boolean> {
  try {
    const found = [
      await repository.readRefs('refs/heads/signalbox'),
      await repository.readRefs('refs/signalbox'),
    ];
    return found.some((refs) => refs.size > 0);
  } catch {
    return true;
  }
}
