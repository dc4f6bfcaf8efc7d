import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../support/git.ts';

/** Makes a commit on top of another in a bare repository, which no branch has yet. */
export async function commitOn(
  dir: string,
  parent: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-outside-'));
  try {
    const index = { GIT_INDEX_FILE: join(folder, 'index') };
    await git(dir, ['read-tree', parent], index);
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, 'content');
      await writeFile(file, content);
      const blob = await git(dir, ['hash-object', '-w', file]);
      await git(dir, ['update-index', '--add', '--cacheinfo', `100644,${blob},${name}`], index);
    }
    const tree = await git(dir, ['write-tree'], index);
    return await git(dir, ['commit-tree', tree, '-p', parent, '-m', 'outside']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Commits to a branch of the hub beside the service. */
export async function commitBeside(
  dir: string,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const tip = await git(dir, ['rev-parse', branch]);
  const commit = await commitOn(dir, tip, files);
  await git(dir, ['update-ref', branch, commit, tip]);
  return commit;
}

/** Merges one branch of the hub into another beside the service, where that is clean. */
export async function mergeBeside(dir: string, into: string, from: string): Promise<string> {
  const [tip, other] = [await git(dir, ['rev-parse', into]), await git(dir, ['rev-parse', from])];
  const tree = await git(dir, ['merge-tree', '--write-tree', tip, other]);
  const commit = await git(dir, ['commit-tree', tree, '-p', tip, '-p', other, '-m', 'outside merge']);
  await git(dir, ['update-ref', into, commit, tip]);
  return commit;
}
