import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fastImport, type Files, type NewCommit } from './fast-import.ts';
import { git, tipOf } from './git.ts';

/** A repository outside of the service: where projects come from and go to. */
export interface Remote {
  readonly dir: string;
  tip(branch?: string): Promise<string | null>;
  /** Someone else commits there. */
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
  await git(folder, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', dir]);
  await appendFile(path.join(dir, 'config'), '[receive]\n\tautogc = false\n');
  await mkdir(path.join(dir, 'hooks'));
  const remote: Remote = {
    dir,
    tip: (branch = 'main') => tipOf(dir, `refs/heads/${branch}`),
    async commit(changes, branch = 'main') {
      const ref = `refs/heads/${branch}`;
      const from = await remote.tip(branch);
      return commitTo(dir, { ref, from, files: changes, message: 'Work' });
    },
  };
  await commitTo(dir, { ref: 'refs/heads/main', from: null, files, message: 'Work' });
  return remote;
}

/** Commits without a worktree, and moves the ref there; with `--force` also when that loses what it held. */
export function commitTo(
  dir: string,
  commit: NewCommit,
  options: readonly '--force'[] = [],
): Promise<string> {
  return git(dir, ['fast-import', '--quiet', '--done', ...options], {}, fastImport(commit));
}
