import type { Repository } from './repository.ts';

export interface ConflictStage {
  mode: string;
  oid: string;
}

/** One path that could not be merged, as the engine names it. */
export interface Conflict {
  /** UTF-8 where the name is, otherwise quoted the way git quotes it, so that no byte is lost. */
  path: string;
  /** Git's own word, for example `CONFLICT (contents)`. */
  type: string;
  message: string;
  /** 1 is the common base, 2 the target, 3 the source. */
  stages: { 1?: ConflictStage; 2?: ConflictStage; 3?: ConflictStage };
}

/** Of a merge with conflicts, `tree` has everything that did merge, where the engine can say so. */
export type MergeOutcome =
  | { clean: true; tree: string }
  | { clean: false; conflicts: Conflict[]; tree: string | null };

/** Merges two commits in memory: no worktree, no ref moves. Anything that is neither clean nor a conflict throws a GitError. */
export interface MergeEngine {
  readonly name: string;
  merge(repository: Repository, ours: string, theirs: string): Promise<MergeOutcome>;
}
