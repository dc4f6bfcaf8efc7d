import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { GitRunner } from '../../src/git/git-runner.ts';
import { Repository } from '../../src/git/repository.ts';

export const runner = new GitRunner({ deadlineMs: 20_000 });
export const author = { name: 'Test Author', email: 'author@example.test' };

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

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
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: dir,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Someone',
      GIT_AUTHOR_EMAIL: 'someone@example.test',
      GIT_COMMITTER_NAME: 'Someone',
      GIT_COMMITTER_EMAIL: 'someone@example.test',
      ...env,
    },
  }).trim();
}

/** A bare repository and a way to put commits into it without a worktree of its own. */
export class Bench {
  readonly dir: string;
  readonly repository: Repository;
  readonly #work: string;

  constructor(name = 'hub') {
    const root = tempFolder();
    this.dir = join(root, `${name}.git`);
    this.#work = join(root, 'work');
    git(root, 'init', '--quiet', '--bare', '--initial-branch=main', this.dir);
    git(root, 'init', '--quiet', '--initial-branch=scratch', this.#work);
    this.repository = new Repository(this.dir, runner);
  }

  /** Commits files on top of `parent` (null: a new history) and points `ref` there; a null content deletes. */
  commit(
    ref: string,
    parent: string | null,
    files: Readonly<Record<string, string | Buffer | null>>,
    message = 'Work',
  ): string {
    if (parent === null) {
      git(this.#work, 'checkout', '--quiet', '--orphan', `orphan-${Math.random().toString(36).slice(2)}`);
      git(this.#work, 'rm', '-rfq', '--ignore-unmatch', '.');
    } else {
      git(
        this.#work,
        'fetch',
        '--quiet',
        this.dir,
        parent.length === 40 ? '+refs/*:refs/bench/*' : `+${parent}:refs/bench/parent`,
      );
      git(
        this.#work,
        'checkout',
        '--quiet',
        '--force',
        '--detach',
        parent.length === 40 ? parent : 'refs/bench/parent',
      );
    }
    for (const [path, content] of Object.entries(files)) {
      if (content === null) {
        git(this.#work, 'rm', '-q', '--', path);
        continue;
      }
      mkdirSync(dirname(join(this.#work, path)), { recursive: true });
      writeFileSync(join(this.#work, path), content);
      git(this.#work, 'add', '--force', '--', path);
    }
    git(this.#work, 'commit', '--quiet', '--allow-empty', '-m', message);
    git(this.#work, 'push', '--quiet', '--force', this.dir, `HEAD:${ref}`);
    return git(this.#work, 'rev-parse', 'HEAD');
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
