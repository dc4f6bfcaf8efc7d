import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { recordChild } from './child-records.ts';
import { scrubCredentials } from './credentials.ts';
import { forks } from './fork-client.ts';
import type { ForkedChild } from './forked-child.ts';
import { GitError } from './git-error.ts';
import { type EnvironmentOptions, gitEnvironment } from './git-environment.ts';
import { endGroup } from './process-group.ts';
import { isAt } from './remote-credential.ts';

export interface GitRunnerOptions extends EnvironmentOptions {
  /**
   * For a git that hangs; longer than the lease of an effect, which is renewed while its git works. When the lease is lost, it is the
   * effect's signal that ends the git, and fence and locks that make a git harmless that has not ended yet.
   */
  deadlineMs?: number;
  maxStdoutBytes?: number;
  /** The Node for the process that starts the gits; this process's own when not stated. */
  node?: string | undefined;
}

export interface GitCommand {
  args: readonly string[];
  /** The repository; omitted only for commands that need none. */
  dir?: string | undefined;
  stdin?: string | Buffer | undefined;
  env?: Readonly<Record<string, string>>;
  /** Takes what git writes instead of the result, piece by piece and without a limit. */
  onStdout?: (chunk: Buffer) => void;
  /** The address of the remote it talks to: gets the operator's git config, what we know of who we are there, and a longer deadline. */
  remote?: string;
  /** The repository in which it may take locks: recorded there before its stdin is written. */
  locksIn?: string;
  deadlineMs?: number;
  signal?: AbortSignal | undefined;
  /** Exit codes that are answers rather than failures; 0 always is. */
  answers?: readonly number[];
}

export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

export interface GitChild extends ForkedChild {
  end(): void;
}

const maxStderrBytes = 64 * 1024;

/** Starts git without a shell, in a group of its own, with a clean environment, a deadline and bounded output. */
export class GitRunner {
  readonly #options: GitRunnerOptions;

  constructor(options: GitRunnerOptions = {}) {
    this.#options = options;
  }

  /** Runs git to its end. Throws `git_failed` for an exit code that is no answer, `git_timeout`, `git_aborted` or `git_output_too_large`. */
  async run(command: GitCommand): Promise<GitResult> {
    const isStopped = (): boolean => command.signal?.aborted === true;
    if (isStopped()) throw new GitError('git_aborted', 'the work this git command belongs to was stopped');
    const child = await this.start(command);
    const limit = this.#options.maxStdoutBytes ?? 64 * 1024 * 1024;
    const stdout: Buffer[] = [];
    let size = 0;
    let stopped: GitError | undefined;
    const stop = (error: GitError): void => {
      stopped ??= error;
      child.end();
    };
    child.stdout.on('data', (chunk: Buffer) => {
      if (command.onStdout !== undefined) return command.onStdout(chunk);
      size += chunk.length;
      if (size > limit) stop(new GitError('git_output_too_large', `git wrote more than ${limit} bytes`));
      else stdout.push(chunk);
    });
    const stderr = collectStderr(child.stderr, (text) => this.withoutSecrets(text, command.remote));
    const deadlineMs = command.deadlineMs ?? this.deadlineMs(command.remote !== undefined);
    const timer = setTimeout(
      () =>
        stop(new GitError('git_timeout', `git ${command.args[0] ?? ''} took longer than ${deadlineMs} ms`)),
      deadlineMs,
    );
    const onAbort = (): void =>
      stop(new GitError('git_aborted', 'the work this git command belongs to was stopped'));
    command.signal?.addEventListener('abort', onAbort, { once: true });
    if (isStopped()) onAbort();
    // EPIPE only says that git ended first; its exit code says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(command.stdin ?? '');
    try {
      const { code, signal } = await child.ended;
      if (stopped !== undefined) throw stopped;
      if (code === 0 || (code !== null && command.answers?.includes(code) === true)) {
        return { code, stdout: Buffer.concat(stdout), stderr: stderr() };
      }
      throw failure(command.args[0] ?? '', code, signal, stderr());
    } finally {
      clearTimeout(timer);
      command.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Starts git for a conversation. The caller owns its streams and its deadline, and listens to what it writes at once. */
  async start(command: GitCommand): Promise<GitChild> {
    const args = [...(command.dir === undefined ? [] : [`--git-dir=${command.dir}`]), ...command.args];
    const cwd = command.dir ?? '/';
    const env = gitEnvironment({ ...this.#options, remote: command.remote }, command.env);
    const child = await forks
      .start({ file: 'git', args, cwd, env }, this.#options.node)
      .catch((error: Error) => {
        throw notStarted(error, cwd);
      });
    if (command.locksIn !== undefined) this.#record(command.locksIn, child);
    return { ...child, end: () => endGroup(child.pid) };
  }

  #record(repositoryDir: string, { pid, ended }: ForkedChild): void {
    try {
      const forget = recordChild(repositoryDir, pid);
      // When it is not known how it ended, it may be alive.
      ended.then(forget, () => undefined);
    } catch (error) {
      endGroup(pid);
      throw error;
    }
  }

  /** What git said, without what only we and that remote know. */
  withoutSecrets(text: string, remote = ''): string {
    const known = this.#options.remoteCredentials ?? [];
    return scrubCredentials(
      text,
      known.filter(({ origin }) => isAt(remote, origin)),
    );
  }

  deadlineMs(remote: boolean): number {
    return (this.#options.deadlineMs ?? 60_000) * (remote ? 5 : 1);
  }
}

/** Keeps the first 64 KB of what a child says on stderr, without credentials. */
export function collectStderr(
  stderr: Readable,
  scrub: (text: string) => string = scrubCredentials,
): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stderr.on('data', (chunk: Buffer) => {
    if (size < maxStderrBytes) chunks.push(chunk);
    size += chunk.length;
  });
  return () => scrub(Buffer.concat(chunks).subarray(0, maxStderrBytes).toString('utf8'));
}

/**
 * What kept git from being started. The system says ENOENT for a folder that is not there, too. All but that and what it says of a
 * program that can not be run (no process to spare, no memory, no fork server) is no fault of git's and may pass: it stays what it is,
 * and the work is tried again.
 */
function notStarted(cause: Error, cwd: string): Error {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') return cause;
  if (!existsSync(cwd))
    return new GitError('hub_missing', 'the folder of this repository is not there', { cause });
  return new GitError('git_missing', 'git could not be started; install git 2.38 or newer', { cause });
}

function failure(name: string, code: number | null, signal: NodeJS.Signals | null, stderr: string): GitError {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with ${code}`;
  return new GitError('git_failed', `git ${name} ${how}${last === '' ? '' : `: ${last}`}`, {
    stderr,
    exitCode: code,
  });
}
