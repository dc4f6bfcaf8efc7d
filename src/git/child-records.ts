import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupMayBeAlive, identityOf, isElsewhere, type ProcessIdentity } from './child-process-identity.ts';

const folder = 'signalbox-children';

/**
 * Notes beside a repository of the git children that may hold its locks. Written before a child gets its first instruction and
 * removed when it has ended, so that whoever finds a `.lock` can tell a crash from a git that is only slow.
 */
export function recordChild(repositoryDir: string, pid: number): () => void {
  const dir = join(repositoryDir, folder);
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${pid}-${randomUUID()}.json`);
  writeFileSync(path, JSON.stringify(identityOf(pid)));
  return () => rmSync(path, { force: true });
}

/** The recorded children that may be alive. Notes of dead ones are removed on the way; a note that can not be read counts as alive. */
export function livingChildren(repositoryDir: string): string[] {
  const dir = join(repositoryDir, folder);
  const living: string[] = [];
  for (const name of list(dir)) {
    const path = join(dir, name);
    if (mayBeAlive(path)) living.push(name);
    else rmSync(path, { force: true });
  }
  return living;
}

/**
 * Of the recorded children those of another machine's name, as paths in the repository. They count as alive, because nothing that can
 * be read here tells a machine that is gone from one that is only slow: no age is safe for a lock on a shared disk. A person can tell.
 */
export function childrenElsewhere(repositoryDir: string): string[] {
  return list(join(repositoryDir, folder))
    .map((name) => join(folder, name))
    .filter((path) => {
      try {
        return isElsewhere(JSON.parse(readFileSync(join(repositoryDir, path), 'utf8')) as ProcessIdentity);
      } catch {
        return false;
      }
    });
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function mayBeAlive(path: string): boolean {
  try {
    return groupMayBeAlive(JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity);
  } catch (error) {
    // Its child has just ended and taken the note away.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
