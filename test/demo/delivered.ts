import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Runs git on hand-made repositories, deaf to the configuration of the machine. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'test',
      GIT_AUTHOR_EMAIL: 'test@localhost',
      GIT_COMMITTER_NAME: 'test',
      GIT_COMMITTER_EMAIL: 'test@localhost',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

export interface Work {
  commit: string;
  blob: string;
  path: string;
}

interface Proven {
  readonly exit: number;
  readonly last: string;
  readonly stderr: string;
}

/** What a delivery leaves behind, made by hand: remotes with their work, a plan's task keys, and ledgers. */
export class Delivered {
  readonly root = mkdtempSync(join(tmpdir(), 'signalbox-prove-'));
  readonly planKeys = join(this.root, 'plan-keys');
  readonly ledgers = join(this.root, 'ledgers');
  readonly #projects: string[] = [];

  constructor() {
    mkdirSync(this.ledgers);
  }

  /** Another delivery that begins as this one is. */
  copy(): Delivered {
    const copy = new Delivered();
    cpSync(this.root, copy.root, { recursive: true });
    copy.#projects.push(...this.#projects);
    copy.#count = this.#count;
    return copy;
  }

  clone(project: string): string {
    return join(this.root, `${project}-clone`);
  }

  remote(project: string): string {
    return join(this.root, `${project}.git`);
  }

  addProject(project: string): void {
    git(this.root, 'init', '--quiet', '--bare', '--template=', '--initial-branch=main', this.remote(project));
    git(this.root, 'init', '--quiet', '--template=', '--initial-branch=main', this.clone(project));
    writeFileSync(join(this.clone(project), 'README'), `${project}\n`);
    this.commit(project);
    this.#projects.push(project);
  }

  /** Commits a file of unique content on the delivered branch. */
  work(project: string, task: string): Work {
    const path = `work/${task}-${this.#unique()}.txt`;
    mkdirSync(dirname(join(this.clone(project), path)), { recursive: true });
    writeFileSync(join(this.clone(project), path), `${project} ${task} ${this.#unique()}\n`);
    const commit = this.commit(project);
    return { commit, blob: git(this.clone(project), 'rev-parse', `HEAD:${path}`), path };
  }

  commit(project: string): string {
    git(this.clone(project), 'add', '--all');
    git(this.clone(project), 'commit', '--quiet', '--allow-empty', '--message=work');
    return git(this.clone(project), 'rev-parse', 'HEAD');
  }

  push(project: string): void {
    git(this.clone(project), 'push', '--quiet', '--force', this.remote(project), 'HEAD:refs/heads/main');
  }

  record(agent: string, task: string, category: string, project: string, { commit, blob, path }: Work): void {
    this.write(agent, `${task} ${category} ${project} ${commit} ${blob} ${path}\n`);
  }

  write(agent: string, text: string): void {
    appendFileSync(join(this.ledgers, `${agent}.ledger`), text);
  }

  /** With `env` beside what the test itself has. */
  prove(env: Readonly<Record<string, string>> = {}): Proven {
    const projects = this.#projects.flatMap((key) => ['--project', key, this.remote(key), 'main']);
    const args = ['--plan-keys', this.planKeys, '--ledgers', this.ledgers, ...projects];
    return runProof(process.cwd(), args, env);
  }

  proveWith(...args: string[]): Proven {
    return runProof(process.cwd(), args);
  }

  /** In the folder where somebody stands. */
  proveFrom(cwd: string, ...args: string[]): Proven {
    return runProof(cwd, args);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #count = 0;
  #unique(): string {
    this.#count += 1;
    return String(this.#count);
  }
}

function runProof(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Proven {
  try {
    const stdout = execFileSync('sh', [resolve('scripts/prove.sh'), ...args], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: 'pipe',
    });
    return { exit: 0, last: lastLine(stdout), stderr: '' };
  } catch (error) {
    const failed = error as { status: number; stdout: string; stderr: string };
    return { exit: failed.status, last: lastLine(failed.stdout), stderr: failed.stderr };
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
