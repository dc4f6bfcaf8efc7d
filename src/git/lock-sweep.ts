import { lstat, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { livingChildren } from './child-records.ts';

export interface SweptLocks {
  /** Lock files removed: the git that made them is dead. */
  swept: string[];
  /** Lock files left alone, because a recorded git child of this repository may be alive. */
  held: string[];
}

/**
 * The lock rule: a `.lock` may be removed only when no git that could hold it can be alive, else two writers get in and the wrong
 * value wins. `exclusively` keeps two sweepers from each other: the second would remove the lock of a git that began after the first.
 */
export async function sweepLocks(
  repositoryDir: string,
  exclusively: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): Promise<SweptLocks> {
  if ((await findLocks(repositoryDir)).length === 0) return { swept: [], held: [] };
  return exclusively(`sweep:${repositoryDir}`, async () => {
    // Listed before asking who lives: a lock made after that belongs to someone who began after that.
    const locks = await findLocks(repositoryDir);
    if (livingChildren(repositoryDir).length > 0) return { swept: [], held: locks.map((lock) => lock.path) };
    const swept: string[] = [];
    for (const lock of locks) if (await removeIfSame(repositoryDir, lock)) swept.push(lock.path);
    return { swept, held: [] };
  });
}

interface LockFile {
  path: string;
  inode: bigint;
}

async function findLocks(repositoryDir: string): Promise<LockFile[]> {
  const top = ['packed-refs.lock', 'HEAD.lock', 'config.lock', 'shallow.lock'].map((name) =>
    join(repositoryDir, name),
  );
  const paths = [...top, ...(await locksUnder(join(repositoryDir, 'refs')))];
  const locks: LockFile[] = [];
  for (const path of paths) {
    const inode = await inodeOf(path);
    if (inode !== null) locks.push({ path: relative(repositoryDir, path), inode });
  }
  return locks;
}

async function locksUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(ignoreMissing);
  return (entries ?? [])
    .filter((entry) => entry.isFile() && entry.name.endsWith('.lock'))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function inodeOf(path: string): Promise<bigint | null> {
  return (await lstat(path, { bigint: true }).catch(ignoreMissing))?.ino ?? null;
}

async function removeIfSame(repositoryDir: string, lock: LockFile): Promise<boolean> {
  const path = join(repositoryDir, lock.path);
  if ((await inodeOf(path)) !== lock.inode) return false;
  await rm(path, { force: true });
  return true;
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
