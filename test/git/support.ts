import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Repository } from '../../src/git/repository.ts';
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
  commit(
    ref: string,
    parent: string | null,
    files: Readonly<Record<string, string | Buffer | null>>,
    message = 'Work',
  ): string {
    const person = `Someone <someone@example.test> ${Math.floor(Date.now() / 1000)} +0000`;
    const data = (content: string | Buffer): Buffer[] => {
      const bytes = Buffer.from(content);
      return [Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')];
    };
    const stream = [Buffer.from(`commit ${ref}\nauthor ${person}\ncommitter ${person}\n`), ...data(message)];
    if (parent !== null) stream.push(Buffer.from(`from ${parent}^0\n`));
    for (const [path, content] of Object.entries(files)) {
      if (content === null) stream.push(Buffer.from(`D ${path}\n`));
      else stream.push(Buffer.from(`M 100644 inline ${path}\n`), ...data(content));
    }
    gitWith(
      this.dir,
      {},
      ['fast-import', '--quiet', '--force', '--done'],
      Buffer.concat([...stream, Buffer.from('done\n')]),
    );
    return git(this.dir, 'rev-parse', ref);
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
