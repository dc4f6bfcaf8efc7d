import { commitPatchIds } from './commit-patches.ts';
import type { MergeEngine } from './merge-engine.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** How a tip has work: by its commits, by the patches of its commits after a rebase, or not. */
export type Contained = 'by_ancestry' | 'by_patch' | 'missing';

/** How many commits are compared by their patches, on either side. */
const MAX_COMMITS = 1_000;

/** What one tip contains. Patches that were read for one answer are kept for the next. */
export class Containment {
  readonly #repository: Repository;
  readonly #engine: MergeEngine;
  readonly #tip: string;
  readonly #maxCommits: number;
  /** By commit; null where it changes nothing. */
  readonly #patchIds = new Map<string, string | null>();

  constructor(repository: Repository, engine: MergeEngine, tip: string, maxCommits = MAX_COMMITS) {
    this.#repository = repository;
    this.#engine = engine;
    this.#tip = tip;
    this.#maxCommits = maxCommits;
  }

  /** How the tip has what `head` has. A commit that is not here is missing. */
  async of(head: string): Promise<Contained> {
    if (!(await this.#repository.commitExists(head))) return 'missing';
    if (await this.#repository.isAncestor(head, this.#tip)) return 'by_ancestry';
    return (await this.#hasPatchesOf(head)) ? 'by_patch' : 'missing';
  }

  /**
   * Each commit that the tip lacks has to be there as another one with the same patch. What a merge changes by itself is in no patch:
   * one that is not just what git makes of its parents is missing, and so is whatever is beyond the bound.
   */
  async #hasPatchesOf(head: string): Promise<boolean> {
    const wanted = await this.#commits(head, this.#tip);
    if (wanted.length > this.#maxCommits) return false;
    for (const commit of wanted) if (!(await this.#isPlain(commit))) return false;
    const others = await this.#repository.commitsBetween([head], this.#tip, this.#maxCommits);
    const there = await this.#patchIdsOf(others);
    for (const id of await this.#patchIdsOf(wanted.map(({ oid }) => oid))) {
      const place = there.indexOf(id);
      if (place === -1) return false;
      // The same change made twice has to be there twice.
      there.splice(place, 1);
    }
    return true;
  }

  /** Commits in one that are not in the other, newest first, and one more than the bound when there are more. */
  async #commits(one: string, other: string) {
    const { stdout } = await this.#repository.git([
      'rev-list',
      '--no-commit-header',
      '--format=%H %T %P',
      `--max-count=${this.#maxCommits + 1}`,
      checkObjectId(one),
      '--not',
      checkObjectId(other),
      '--',
    ]);
    const lines = stdout.toString('utf8').split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => {
        const [oid = '', tree = '', ...parents] = line.trimEnd().split(' ');
        return { oid, tree, parents };
      });
  }

  /** Landings are such merges, and whatever was begun after one has it in its history. */
  async #isPlain({ tree, parents }: { tree: string; parents: readonly string[] }): Promise<boolean> {
    const [first, second, third] = parents;
    if (first === undefined || second === undefined) return true;
    if (third !== undefined) return false;
    const merged = await this.#engine.merge(this.#repository, first, second);
    return merged.clean && merged.tree === tree;
  }

  /** The ids of those that change something; merges have none. */
  async #patchIdsOf(commits: readonly string[]): Promise<string[]> {
    const unread = commits.filter((oid) => !this.#patchIds.has(oid));
    const read = await commitPatchIds(this.#repository, unread);
    for (const oid of unread) this.#patchIds.set(oid, read.get(oid) ?? null);
    return commits.flatMap((oid) => this.#patchIds.get(oid) ?? []);
  }
}
