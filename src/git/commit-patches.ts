import { diffEnvironment, diffOptions } from './diff-settings.ts';
import { PatchDigest } from './patch-digest.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** Options of the patch that an id is made of. */
export const patchOptions: readonly string[] = [
  '-r',
  '--patch',
  '--full-index',
  '--unified=3',
  '--no-renames',
  ...diffOptions,
];

/** The id of what each of these commits changes in its parent, as `patchId` makes them. Those that change nothing, and merges, have none. */
export async function commitPatchIds(
  repository: Repository,
  commits: readonly string[],
): Promise<Map<string, string>> {
  const [first] = commits;
  if (first === undefined) return new Map();
  const patches = new CommitPatches(commits);
  await repository.git(['diff-tree', '--stdin', '--root', ...patchOptions], {
    stdin: commits.map((oid) => `${checkObjectId(oid)}\n`).join(''),
    env: diffEnvironment(first),
    onStdout: (chunk) => patches.write(chunk),
  });
  return patches.ids();
}

/** Takes patches apart, each of which comes after a line with nothing but the id of its commit. No line of a patch is like that. */
class CommitPatches {
  readonly #digests = new Map<string, PatchDigest>();
  readonly #commits: ReadonlySet<string>;
  readonly #headSize: number;
  #patch: PatchDigest | undefined;
  /** The beginning of a line that may be the id of a commit. */
  #head: Buffer = Buffer.alloc(0);
  #isInLine = false;

  constructor(commits: readonly string[]) {
    this.#commits = new Set(commits);
    this.#headSize = commits[0]?.length ?? 0;
  }

  write(chunk: Buffer): void {
    let rest = Buffer.concat([this.#head, chunk]);
    this.#head = Buffer.alloc(0);
    while (rest.length > 0) {
      const newline = rest.indexOf(10);
      if (!this.#isInLine && newline === -1 && rest.length <= this.#headSize) {
        this.#head = rest;
        return;
      }
      const end = newline === -1 ? rest.length : newline + 1;
      if (this.#isInLine || !this.#begins(rest, newline)) this.#patch?.write(rest.subarray(0, end));
      this.#isInLine = newline === -1;
      rest = rest.subarray(end);
    }
  }

  #begins(rest: Buffer, newline: number): boolean {
    const line = newline === this.#headSize ? rest.toString('latin1', 0, newline) : '';
    if (!this.#commits.has(line)) return false;
    this.#patch = new PatchDigest();
    this.#digests.set(line, this.#patch);
    return true;
  }

  ids(): Map<string, string> {
    const ids = new Map<string, string>();
    for (const [commit, patch] of this.#digests) {
      const id = patch.digest();
      if (id !== null) ids.set(commit, id);
    }
    return ids;
  }
}
