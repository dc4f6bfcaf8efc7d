import { lstat, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { livingChildren } from './child-records.ts';

export interface SweptLocks {
  /** Lock files removed: the git that made them is dead. */
  swept: string[];
  /** Lock files left alone, because a recorded git child of this repository may be alive. */
  held: string[];
}

/** More than a tick of the clock that file systems take their times from: 10 ms at the most. */
const clockTickMs = 20;

/**
 * The lock rule: a `.lock` may be removed only when no git that could hold it can be alive, else two writers get in and the wrong
 * value wins. `exclusively` keeps two sweepers from each other: the second would remove the lock of a git that began after the first.
 *
 * Why no living lock is removed: 1 the locks are listed; 2 a tick of the clock goes by; 3 nobody who is recorded is alive, so whoever
 * held a listed lock has ended; 4 a lock that is still the listed one was left by the dead, and only a sweeper would take it away.
 * One made anew in between differs: by its time if it was made after 3, and whoever made it before 3 is alive or dead at 3.
 * What this can not see is a program that writes beside the hub without a record: a lock that such a one holds is taken for a dead
 * one's, and one that it removes and makes anew between the last look and the removal is removed.
 */
export async function sweepLocks(
  repositoryDir: string,
  exclusively: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): Promise<SweptLocks> {
  if ((await findLocks(repositoryDir)).length === 0) return { swept: [], held: [] };
  return exclusively(`sweep:${repositoryDir}`, async () => {
    // Listed before asking who lives: a lock made after that belongs to someone who began after that.
    const locks = await findLocks(repositoryDir);
    await delay(clockTickMs);
    if (livingChildren(repositoryDir).length > 0) return { swept: [], held: locks.map((lock) => lock.path) };
    const swept: string[] = [];
    for (const lock of locks) if (await removeIfSame(repositoryDir, lock)) swept.push(lock.path);
    return { swept, held: [] };
  });
}

interface LockFile {
  path: string;
  identity: string;
}

async function findLocks(repositoryDir: string): Promise<LockFile[]> {
  const top = ['packed-refs.lock', 'HEAD.lock', 'config.lock', 'shallow.lock'].map((name) =>
    join(repositoryDir, name),
  );
  const paths = [...top, ...(await locksUnder(join(repositoryDir, 'refs')))];
  const locks: LockFile[] = [];
  for (const path of paths) {
    const identity = await identityOf(path);
    if (identity !== null) locks.push({ path: relative(repositoryDir, path), identity });
  }
  return locks;
}

async function locksUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(ignoreMissing);
  return (entries ?? [])
    .filter((entry) => entry.isFile() && entry.name.endsWith('.lock'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The inode alone says nothing: ext4 gives the number of a file that was removed to the next one. */
async function identityOf(path: string): Promise<string | null> {
  const found = await lstat(path, { bigint: true }).catch(ignoreMissing);
  return found === null ? null : `${found.ino}/${found.ctimeNs}`;
}

async function removeIfSame(repositoryDir: string, lock: LockFile): Promise<boolean> {
  const path = join(repositoryDir, lock.path);
  if ((await identityOf(path)) !== lock.identity) return false;
  await rm(path, { force: true });
  return true;
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
