import { type CommitInfo, parseCommit } from './commit-info.ts';
import { GitError } from './git-error.ts';
import type { GitCommand, GitResult, GitRunner } from './git-runner.ts';
import type { CommitAuthor } from './landing-types.ts';
import { checkObjectId, checkRefName } from './ref-name.ts';
import { type RefChange, RefTransaction } from './ref-transaction.ts';

/** A commit to be written. */
export interface CommitRequest {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: CommitAuthor;
}

/** Typed plumbing over one bare repository. Names are checked before git sees them, and go over stdin where git can read them there. */
export class Repository {
  readonly dir: string;
  readonly runner: GitRunner;
  /** Ends every git that is at work here for whoever was given this repository. */
  readonly signal: AbortSignal | undefined;

  constructor(dir: string, runner: GitRunner, signal?: AbortSignal) {
    this.dir = dir;
    this.runner = runner;
    this.signal = signal;
  }

  /** The same repository for work that is to end with this signal. */
  until(signal: AbortSignal): Repository {
    return new Repository(this.dir, this.runner, signal);
  }

  git(args: readonly string[], options: Omit<GitCommand, 'args' | 'dir'> = {}): Promise<GitResult> {
    return this.runner.run({ ...options, signal: options.signal ?? this.signal, args, dir: this.dir });
  }

  /** What these refs point at; a ref that does not exist is null. */
  async readTips(refs: readonly string[]): Promise<Map<string, string | null>> {
    const tips = new Map<string, string | null>(refs.map((ref) => [checkRefName(ref), null]));
    if (refs.length === 0) return tips;
    for (const [ref, oid] of await this.#forEachRef([...tips.keys()])) if (tips.has(ref)) tips.set(ref, oid);
    return tips;
  }

  async readTip(ref: string): Promise<string | null> {
    return (await this.readTips([ref])).get(ref) ?? null;
  }

  /** Every ref under a prefix such as `refs/heads/`. */
  readRefs(prefix: string): Promise<Map<string, string>> {
    return this.#forEachRef([checkRefName(`${prefix.replace(/\/$/, '')}/x`).slice(0, -2)]);
  }

  async #forEachRef(patterns: readonly string[]): Promise<Map<string, string>> {
    const { stdout } = await this.git([
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      '--',
      ...patterns,
    ]);
    const refs = new Map<string, string>();
    for (const line of stdout.toString('utf8').split('\n'))
      if (line !== '') refs.set(line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' ')));
    return refs;
  }

  /** Of these ids, the ones that are commits here. */
  async commitsPresent(oids: readonly string[]): Promise<Set<string>> {
    const stdin = oids.map((oid) => `${checkObjectId(oid)}\n`).join('');
    const { stdout } = await this.git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], { stdin });
    const lines = stdout.toString('utf8').split('\n');
    return new Set(
      lines.filter((line) => line.endsWith(' commit')).map((line) => line.slice(0, line.indexOf(' '))),
    );
  }

  async commitExists(oid: string): Promise<boolean> {
    return (await this.commitsPresent([oid])).has(oid);
  }

  /** Whether `ancestor` is contained in `descendant`; a commit contains itself. */
  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    if (ancestor === descendant) return true;
    const { code } = await this.git(
      ['merge-base', '--is-ancestor', checkObjectId(ancestor), checkObjectId(descendant)],
      { answers: [1] },
    );
    return code === 0;
  }

  /** The best common ancestor, or null for unrelated histories. */
  async mergeBase(left: string, right: string): Promise<string | null> {
    const { code, stdout } = await this.git(['merge-base', checkObjectId(left), checkObjectId(right)], {
      answers: [1],
    });
    return code === 0 ? stdout.toString('utf8').trim() : null;
  }

  async commitInfo(oid: string): Promise<CommitInfo> {
    const { stdout } = await this.git(['cat-file', 'commit', checkObjectId(oid)]);
    return parseCommit(stdout);
  }

  async commitTree(commit: CommitRequest): Promise<string> {
    const parents = commit.parents.flatMap((parent) => ['-p', checkObjectId(parent)]);
    const { stdout } = await this.git(['commit-tree', ...parents, checkObjectId(commit.tree)], {
      stdin: commit.message,
      env: {
        GIT_AUTHOR_NAME: commit.author.name,
        GIT_AUTHOR_EMAIL: commit.author.email,
        GIT_COMMITTER_NAME: commit.author.name,
        GIT_COMMITTER_EMAIL: commit.author.email,
      },
    });
    return checkObjectId(stdout.toString('utf8').trim());
  }

  /** Commits in `tip` that are not in any of `excluded`, newest first. */
  async commitsBetween(excluded: readonly string[], tip: string, limit = 1_000): Promise<string[]> {
    const { stdout } = await this.git([
      'rev-list',
      `--max-count=${limit}`,
      checkObjectId(tip),
      '--not',
      ...excluded.map(checkObjectId),
      '--',
    ]);
    return stdout
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  }

  /** How many commits `tip` has that `excluded` has not; counting ends at the limit. */
  async countBetween(excluded: string, tip: string, limit: number): Promise<number> {
    const { stdout } = await this.git([
      'rev-list',
      '--count',
      `--max-count=${limit}`,
      checkObjectId(tip),
      '--not',
      checkObjectId(excluded),
      '--',
    ]);
    return Number(stdout.toString('utf8').trim());
  }

  /** Whether a merge commit in `tip` has `oid` as a parent: it was merged, rather than being where `tip` began. */
  async hasMergeOf(oid: string, tip: string): Promise<boolean> {
    const { stdout } = await this.git([
      'rev-list',
      '--merges',
      '--parents',
      checkObjectId(tip),
      '--not',
      checkObjectId(oid),
      '--',
    ]);
    return stdout
      .toString('utf8')
      .split('\n')
      .some((line) => line.split(' ').slice(1).includes(oid));
  }

  /** Moves refs in one transaction, each only if it stands where the change says. Throws `ref_moved` or `ref_locked`; then none has moved. */
  async updateRefs(changes: readonly RefChange[]): Promise<void> {
    if (changes.length === 0) return;
    const transaction = await RefTransaction.prepare(this, changes);
    await transaction.commit();
  }

  /** Creates a ref, or says where it already stands. */
  async createRefIfMissing(ref: string, oid: string): Promise<{ created: boolean; tip: string }> {
    try {
      await this.updateRefs([{ ref, old: null, new: oid }]);
      return { created: true, tip: oid };
    } catch (error) {
      const tip = error instanceof GitError && error.code === 'ref_moved' ? await this.readTip(ref) : null;
      if (tip === null) throw error;
      return { created: false, tip };
    }
  }
}

export function splitNul(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(0); at !== -1; at = bytes.indexOf(0, from)) {
    fields.push(bytes.subarray(from, at));
    from = at + 1;
  }
  if (from < bytes.length) fields.push(bytes.subarray(from));
  return fields;
}
