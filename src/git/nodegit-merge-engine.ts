import { GitError } from './git-error.ts';
import type { Conflict, MergeEngine, MergeOutcome } from './merge-engine.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

interface NodegitEntry {
  path: string;
  mode: number;
  id: { tostrS(): string };
}

interface NodegitIndex {
  hasConflicts(): boolean;
  entries(): NodegitEntry[];
  writeTreeTo(repository: unknown): Promise<{ tostrS(): string }>;
}

/** The part of nodegit that is used here, so that the types hold without it being installed. */
interface Nodegit {
  Repository: {
    openBare(dir: string): Promise<{ getCommit(oid: string): Promise<unknown>; cleanup?(): void }>;
  };
  Merge: { commits(repository: unknown, ours: unknown, theirs: unknown): Promise<NodegitIndex> };
  Index: { entryStage(entry: NodegitEntry): number };
}

/**
 * Merges with libgit2 through the optional package `nodegit`. It differs from git where a directory was renamed (it merges silently
 * into the old place) and does not read the target's attributes, which is why it is not the default.
 */
export class NodegitMergeEngine implements MergeEngine {
  readonly name = 'nodegit';
  readonly #nodegit: Nodegit;

  private constructor(nodegit: Nodegit) {
    this.#nodegit = nodegit;
  }

  static async load(): Promise<NodegitMergeEngine> {
    // A variable, so that neither the type checker nor a bundler looks for a package that is optional.
    const packageName = 'nodegit';
    try {
      const loaded = (await import(packageName)) as { default?: Nodegit } & Nodegit;
      return new NodegitMergeEngine(loaded.default ?? loaded);
    } catch (cause) {
      throw new GitError(
        'merge_engine_not_installed',
        'the merge engine "nodegit" is not installed; run npm install --no-save nodegit@0.28.0-alpha.36, or use the engine "git"',
        { cause },
      );
    }
  }

  async merge(repository: Repository, ours: string, theirs: string): Promise<MergeOutcome> {
    // Without this libgit2 would merge unrelated histories against an empty base, which git refuses.
    if ((await repository.mergeBase(ours, theirs)) === null)
      throw new GitError('git_failed', 'refusing to merge unrelated histories');
    const opened = await this.#nodegit.Repository.openBare(repository.dir);
    try {
      const [left, right] = await Promise.all([
        opened.getCommit(checkObjectId(ours)),
        opened.getCommit(checkObjectId(theirs)),
      ]);
      const index = await this.#nodegit.Merge.commits(opened, left, right);
      if (!index.hasConflicts()) return { clean: true, tree: (await index.writeTreeTo(opened)).tostrS() };
      return { clean: false, conflicts: this.#conflicts(index), tree: null };
    } finally {
      opened.cleanup?.();
    }
  }

  #conflicts(index: NodegitIndex): Conflict[] {
    const stages = new Map<string, Conflict['stages']>();
    for (const entry of index.entries()) {
      const stage = this.#nodegit.Index.entryStage(entry);
      if (stage === 0) continue;
      stages.set(entry.path, {
        ...stages.get(entry.path),
        [stage]: { mode: entry.mode.toString(8).padStart(6, '0'), oid: entry.id.tostrS() },
      });
    }
    return [...stages].map(([path, found]) => {
      const type = typeOf(found);
      return { path, type, message: `${type}: Merge conflict in ${path}`, stages: found };
    });
  }
}

/** Libgit2 has no words of its own; these are git's for the same stages. */
function typeOf(stages: Conflict['stages']): string {
  if (stages[1] === undefined) return 'CONFLICT (add/add)';
  if (stages[2] === undefined || stages[3] === undefined) return 'CONFLICT (modify/delete)';
  return 'CONFLICT (contents)';
}
