import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Repository } from '../../src/git/repository.ts';
import { fastImport, type Files } from '../support/fast-import.ts';
import { somebodysGit } from '../support/git-environment.ts';

export const runner = new GitRunner({ deadlineMs: 20_000 });
export const author = { name: 'Test Author', email: 'author@example.test' };

const folders: string[] = [];

/** Called after each test file, by `test/support/after-each-file.ts`. */
export function removeTempFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A folder that is gone after the test file. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-git-'));
  folders.push(folder);
  return folder;
}

/** Plain git, as a person beside the service would run it. */
export function git(dir: string, ...args: string[]): string {
  return gitWith(dir, {}, args);
}

export function gitWith(
  dir: string,
  env: Record<string, string>,
  args: string[],
  input?: Buffer | string,
): string {
  return execFileSync('git', args, {
    cwd: dir,
    encoding: 'utf8',
    input,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...somebodysGit(dir), ...env },
  }).trim();
}

/** A bare repository and a way to put commits into it without a worktree. */
export class Bench {
  readonly dir: string;
  readonly repository: Repository;

  constructor(name = 'hub') {
    const root = tempFolder();
    this.dir = join(root, `${name}.git`);
    git(root, 'init', '--quiet', '--bare', '--initial-branch=main', this.dir);
    this.repository = new Repository(this.dir, runner);
  }

  /** Commits files on top of `parent` (null: a new history) and points `ref` there; a null content deletes. */
  commit(ref: string, parent: string | null, files: Files, message = 'Work'): string {
    return gitWith(
      this.dir,
      {},
      ['fast-import', '--quiet', '--force', '--done'],
      fastImport({ ref, from: parent, files, message }),
    );
  }

  tip(ref: string): string | null {
    const line = git(this.dir, 'for-each-ref', '--format=%(objectname)', ref);
    return line === '' ? null : line;
  }

  /** The whole content of a file at a commit. */
  show(commit: string, path: string): string {
    return git(this.dir, 'show', `${commit}:${path}`);
  }

  /** What someone does who writes beside the hub. */
  outsideUpdate(ref: string, oid: string): void {
    git(this.dir, 'update-ref', ref, oid);
  }
}
