import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { NewCommit } from '../support/fast-import.ts';
import { git, GitRefused, refsOf } from '../support/git.ts';
import { commitTo } from '../support/remote.ts';
import { somebodysGit } from '../support/git-environment.ts';

/** A conflict in one file, by the blobs of both sides; null where a side has none. */
export interface FileConflict {
  readonly path: string;
  readonly ours: string | null;
  readonly theirs: string | null;
}

export interface MergedTree {
  readonly tree: string;
  readonly conflicts: readonly FileConflict[];
}

/** What became of a push: on the branch of the attempt, kept aside because it came late, or refused in git's words. */
export interface PushResult {
  readonly is: 'moved' | 'kept' | 'refused' | 'cut';
  readonly said: string;
}

const HUB = 'refs/hub/';

/** A repository of an agent without a worktree: a commit costs one process. */
export class Clone {
  readonly #dir: string;
  #made = false;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Brings everything that the credential shows, and gives the tips by the names of their branches. */
  async fetch(url: string, credential: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    if (!this.#made) {
      await mkdir(this.#dir, { recursive: true });
      await git(this.#dir, ['init', '--quiet', '--bare']);
      this.#made = true;
    }
    await git(
      this.#dir,
      ['fetch', '--quiet', '--no-tags', '--prune', url, `+refs/heads/*:${HUB}*`],
      credential,
    );
    const found = await refsOf(this.#dir, HUB);
    return Object.fromEntries(
      Object.entries(found).map(([ref, tip]) => [`refs/heads/${ref.slice(HUB.length)}`, tip]),
    );
  }

  commit(commit: Omit<NewCommit, 'ref'>): Promise<string> {
    return commitTo(this.#dir, { ...commit, ref: 'refs/heads/work' }, ['--force']);
  }

  async mergeTree(ours: string, theirs: string): Promise<MergedTree> {
    const output = await gitWith(this.#dir, ['merge-tree', '--write-tree', '--no-messages', ours, theirs], {
      codes: [0, 1],
    });
    const [tree = '', ...lines] = output.trimEnd().split('\n');
    const conflicts = new Map<string, { ours: string | null; theirs: string | null }>();
    for (const line of lines) {
      const [, oid, stage, path] = /^\d+ ([0-9a-f]+) ([123])\t(.*)$/.exec(line) ?? [];
      if (oid === undefined || path === undefined) continue;
      const known = conflicts.get(path) ?? { ours: null, theirs: null };
      conflicts.set(path, {
        ours: stage === '2' ? oid : known.ours,
        theirs: stage === '3' ? oid : known.theirs,
      });
    }
    return { tree, conflicts: [...conflicts].map(([path, sides]) => ({ path, ...sides })) };
  }

  /** What a wrong hand does in the hub itself: one more commit on a branch, with a file; null where it moved meanwhile. */
  static async commitInPlace(dir: string, ref: string, tip: string, file: string): Promise<string | null> {
    const aside = `refs/aside/${randomUUID()}`;
    const made = await commitTo(dir, {
      ref: aside,
      from: tip,
      files: { [file]: 'by a wrong hand\n' },
      message: 'by a wrong hand',
    });
    const moved = await git(dir, ['update-ref', ref, made, tip]).then(
      () => true,
      () => false,
    );
    await git(dir, ['update-ref', '-d', aside]);
    return moved ? made : null;
  }

  /** As somebody does who is not one of ours; whether it went well. */
  async pushPlainly(url: string, commit: string, branch: string): Promise<boolean> {
    return git(this.#dir, ['push', '--quiet', url, `${commit}:refs/heads/${branch}`]).then(
      () => true,
      () => false,
    );
  }

  /** With `cutAfterMs` git is killed then, wherever it is. */
  async push(
    url: string,
    commit: string,
    branch: string,
    credential: Readonly<Record<string, string>>,
    cutAfterMs: number | null = null,
  ): Promise<PushResult> {
    const args = ['push', '--porcelain', url, `+${commit}:refs/heads/${branch}`];
    try {
      const output =
        cutAfterMs === null
          ? await git(this.#dir, args, credential)
          : await gitWith(this.#dir, args, { env: credential, cutAfterMs });
      const isMoved = output
        .split('\n')
        .some((line) => /^[^!]\t/.test(line) && line.includes(`:refs/heads/${branch}\t`));
      return { is: isMoved ? 'moved' : 'kept', said: output };
    } catch (error) {
      if (!(error instanceof GitRefused)) throw error;
      return { is: error.stderr === CUT ? 'cut' : 'refused', said: error.message };
    }
  }
}

const CUT = 'killed on purpose';

/** Git that may end with other codes than 0, or be killed: what the shared helper has no use for. */
function gitWith(
  dir: string,
  args: readonly string[],
  how: {
    readonly codes?: readonly number[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cutAfterMs?: number;
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: dir,
      env: { ...somebodysGit(dir), ...how.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const cut =
      how.cutAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), how.cutAfterMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(cut);
      if (code !== null && (how.codes ?? [0]).includes(code)) resolve(stdout);
      else reject(new GitRefused(args, signal === 'SIGKILL' ? CUT : stderr));
    });
  });
}
