import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { git } from './git.ts';
import { APP, LIB } from './plan.ts';

/** A bare repository that the service delivers to. */
export interface Remote {
  readonly key: string;
  readonly path: string;
  readonly branch: string;
  /** The tip of `branch` before anything was delivered. */
  readonly seed: string;
}

/** What is there before anything is delivered: the line that two tasks edit, and the lines that a reviewer comments on. */
const SEED_FILES = {
  'signalbox-demo/decision.txt': 'first line\ndecision: open\nlast line\n',
  'signalbox-demo/handbook.txt':
    'Handbook\nhow to start: not written yet\n\nhow to stop: not written yet\nwhere to ask: not written yet\n',
} as const;

/** Makes the two remotes; the first is a bare copy of `repo` where one is named. */
export async function makeRemotes(folder: string, repo: string | null): Promise<readonly Remote[]> {
  const app = repo === null ? emptyRemote(folder, APP) : copyOf(folder, APP, repo);
  return Promise.all([app.then(seeded), emptyRemote(folder, LIB).then(seeded)]);
}

interface Unseeded {
  readonly key: string;
  readonly path: string;
  readonly branch: string;
}

async function emptyRemote(folder: string, key: string): Promise<Unseeded> {
  const path = join(folder, `${key}.git`);
  await git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', path]);
  return { key, path, branch: 'main' };
}

/**
 * The user's repository is only read. Nothing is shared with it (hard links would be), and the copy forgets where it came from.
 * This one git runs with the user's own configuration, which may know how to reach a private address.
 */
async function copyOf(folder: string, key: string, repo: string): Promise<Unseeded> {
  const path = join(folder, `${key}.git`);
  await promisify(execFile)('git', ['clone', '--quiet', '--bare', '--no-hardlinks', '--', repo, path]);
  await git(path, ['remote', 'remove', 'origin']);
  const branch = await git(path, ['symbolic-ref', '--short', 'HEAD']);
  const tip = await git(path, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
  if (tip === '') throw new Error(`${repo} has no commit on its branch ${branch}`);
  return { key, path, branch };
}

/** Adds one commit with the files that the demo begins with, without a work tree. */
async function seeded({ key, path, branch }: Unseeded): Promise<Remote> {
  const ref = `refs/heads/${branch}`;
  const index = { GIT_INDEX_FILE: join(path, 'seed.index') };
  const parent = await git(path, ['for-each-ref', '--format=%(objectname)', ref]);
  if (parent !== '') await git(path, ['read-tree', parent], index);
  for (const [file, text] of Object.entries(SEED_FILES)) {
    const blob = await git(path, ['hash-object', '-w', '--stdin'], {}, text);
    await git(path, ['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`], index);
  }
  const tree = await git(path, ['write-tree'], index);
  const parents = parent === '' ? [] : ['-p', parent];
  const seed = await git(path, ['commit-tree', tree, ...parents, '-m', 'Where the demo begins']);
  await git(path, ['update-ref', ref, seed]);
  return { key, path, branch, seed };
}
