import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { git, tipOf } from './git.ts';

/** Files by path; null deletes. */
export type Files = Readonly<Record<string, string | null>>;

/** A repository outside of the service: where projects come from and go to. */
export interface Remote {
  readonly dir: string;
  tip(branch?: string): Promise<string | null>;
  /** Someone else pushes a commit there. */
  commit(files: Files, branch?: string): Promise<string>;
}

/** Writes, deletes and commits in a worktree; gives the new commit. */
export async function commitIn(worktree: string, files: Files, message = 'Work'): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    if (content === null) {
      await git(worktree, ['rm', '-q', '--', name]);
      continue;
    }
    await mkdir(path.dirname(path.join(worktree, name)), { recursive: true });
    await writeFile(path.join(worktree, name), content);
  }
  await git(worktree, ['add', '--all']);
  await git(worktree, ['commit', '--quiet', '--allow-empty', '-m', message]);
  return git(worktree, ['rev-parse', 'HEAD']);
}

/** A bare repository with one commit on `main`. */
export async function makeRemote(
  folder: string,
  name: string,
  files: Files = { 'README.md': `${name}\n` },
): Promise<Remote> {
  const dir = path.join(folder, `${name}.git`);
  await mkdir(folder, { recursive: true });
  await git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', dir]);
  const remote: Remote = {
    dir,
    tip: (branch = 'main') => tipOf(dir, `refs/heads/${branch}`),
    async commit(changes, branch = 'main') {
      const worktree = await mkdtemp(path.join(folder, 'beside-'));
      await git(worktree, ['init', '--quiet', `--initial-branch=${branch}`]);
      if ((await remote.tip(branch)) !== null) {
        await git(worktree, ['fetch', '--quiet', dir, branch]);
        await git(worktree, ['reset', '--quiet', '--hard', 'FETCH_HEAD']);
      }
      const made = await commitIn(worktree, changes);
      await git(worktree, ['push', '--quiet', dir, `HEAD:refs/heads/${branch}`]);
      return made;
    },
  };
  await remote.commit(files);
  return remote;
}
