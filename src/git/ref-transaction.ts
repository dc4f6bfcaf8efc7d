import { createInterface, type Interface } from 'node:readline';
import { GitError } from './git-error.ts';
import { collectStderr, type GitChild } from './git-runner.ts';
import { checkObjectId, checkRefName } from './ref-name.ts';
import type { Repository } from './repository.ts';

export interface RefChange {
  ref: string;
  /** Where it must stand now: a commit, null for "must not exist", undefined for "wherever it is". */
  old?: string | null | undefined;
  /** Where it goes; null deletes it. */
  new: string | null;
}

const zero = '0'.repeat(40);

/**
 * A compare-and-swap over refs of one repository, held open between prepare and commit: a prepared one has the locks, so several
 * repositories can be prepared before the first is committed. If this process dies, git lets go of the locks by itself. The
 * repository's signal ends it too, until it is about to commit.
 */
export class RefTransaction {
  readonly #child: GitChild;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #stderr: () => string;
  readonly #deadline: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #isShielded = false;

  private constructor(repository: Repository, child: GitChild) {
    this.#child = child;
    this.#stderr = collectStderr(child.stderr);
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#child.stdin.on('error', () => undefined);
    this.#deadline = setTimeout(() => this.#child.end(), repository.runner.deadlineMs(false));
    const { signal } = repository;
    this.#signal = signal;
    this.#onAbort = () => this.#child.end();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  /** Takes the locks and compares the old values. Throws `ref_moved`, `ref_locked`, `git_aborted` or `git_failed`; nothing is held then. */
  static async prepare(repository: Repository, changes: readonly RefChange[]): Promise<RefTransaction> {
    const lines = changes.map(instruction).join('');
    const child = await repository.runner.start({
      dir: repository.dir,
      args: ['update-ref', '--no-deref', '--stdin'],
      locksIn: repository.dir,
    });
    const transaction = new RefTransaction(repository, child);
    await transaction.#say('start\n', 'start: ok');
    await transaction.#say(`${lines}prepare\n`, 'prepare: ok');
    return transaction;
  }

  /** From here on the signal does not end it. Throws `git_aborted` if it has. */
  shield(): void {
    if (this.#isShielded) return;
    if (this.#signal?.aborted === true) throw aborted();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#isShielded = true;
  }

  /** Moves the refs. From here on only reading them tells whether they moved, whatever this throws. */
  async commit(): Promise<void> {
    this.shield();
    await this.#say('commit\n', 'commit: ok');
    await this.#close();
  }

  async abort(): Promise<void> {
    this.#child.stdin.write('abort\n');
    await this.#close();
  }

  async #say(text: string, answer: string): Promise<void> {
    this.#child.stdin.write(text);
    const { value, done } = await this.#lines.next();
    if (done !== true && value === answer) return;
    await this.#close();
    if (!this.#isShielded && this.#signal?.aborted === true) throw aborted();
    throw refusal(this.#stderr());
  }

  async #close(): Promise<void> {
    this.#child.stdin.end();
    await this.#child.ended;
    clearTimeout(this.#deadline);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#reader.close();
  }
}

function instruction(change: RefChange): string {
  const ref = checkRefName(change.ref);
  const old = change.old === undefined ? '' : ` ${change.old === null ? zero : checkObjectId(change.old)}`;
  return change.new === null ? `delete ${ref}${old}\n` : `update ${ref} ${checkObjectId(change.new)}${old}\n`;
}

function aborted(): GitError {
  return new GitError('git_aborted', 'the work this git command belongs to was stopped');
}

function refusal(stderr: string): GitError {
  if (/Unable to create '.*\.lock': File exists/i.test(stderr)) {
    return new GitError('ref_locked', 'another git holds a lock on this ref', { stderr });
  }
  if (
    /but expected|reference already exists|unable to resolve reference|reference is missing/i.test(stderr)
  ) {
    return new GitError('ref_moved', 'a ref does not stand where it was expected', { stderr });
  }
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return new GitError('git_failed', `git update-ref failed${last === '' ? '' : `: ${last}`}`, { stderr });
}
