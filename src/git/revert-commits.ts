import type { CommitAuthor, LandingUnit } from './landing-types.ts';
import type { MergeEngine } from './merge-engine.ts';
import type { Repository } from './repository.ts';

/** What is to be taken back from a branch, for which unit, and in whose name. */
export interface Revert {
  /** The tip of the branch. */
  tip: string;
  /** The merges to take back with the tips they were made on, oldest first. */
  merges: readonly { before: string; after: string }[];
  unit: LandingUnit;
  effectId: string;
  author: CommitAuthor;
}

/** Two commits on top of a branch. */
export interface RevertCommits {
  /** Follows the tip, and has taken out what the merges brought. */
  revert: string;
  /** Follows `revert`, and has it again. */
  reapply: string;
}

/**
 * Takes merges back as `git revert` does, in memory: nothing is rewritten, and no ref moves. A branch that is to be merged there once
 * more has to contain `reapply`: without it, git takes the commits for merged already, and the revert for what is wanted. Null where
 * later commits are in the way.
 */
export async function revertCommits(
  repository: Repository,
  engine: MergeEngine,
  revert: Revert,
): Promise<RevertCommits | null> {
  const taken = await mergeAll(repository, engine, revert, revert.tip, revert.merges.toReversed().map(back));
  if (taken === null) return null;
  const reverted = await commit(repository, revert, 'Revert', taken, revert.tip);
  const given = await mergeAll(repository, engine, revert, reverted, revert.merges);
  if (given === null) return null;
  return { revert: reverted, reapply: await commit(repository, revert, 'Reapply', given, reverted) };
}

/** The other way round, a change is taken back. */
function back({ before, after }: { before: string; after: string }): { before: string; after: string } {
  return { before: after, after: before };
}

/** The tree of `tip` with these changes made to it, one after the other. */
async function mergeAll(
  repository: Repository,
  engine: MergeEngine,
  { author }: Revert,
  tip: string,
  changes: readonly { before: string; after: string }[],
): Promise<string | null> {
  let { tree } = await repository.commitInfo(tip);
  for (const { before, after } of changes) {
    const [from, to] = [await repository.commitInfo(before), await repository.commitInfo(after)];
    // The merge base is what commits have in common: these have exactly the state that the change began with.
    const message = 'a merge of trees\n';
    const base = await repository.commitTree({ tree: from.tree, parents: [], message, author });
    const ours = await repository.commitTree({ tree, parents: [base], message, author });
    const theirs = await repository.commitTree({ tree: to.tree, parents: [base], message, author });
    const merged = await engine.merge(repository, ours, theirs);
    if (!merged.clean) return null;
    tree = merged.tree;
  }
  return tree;
}

function commit(
  repository: Repository,
  { unit, effectId, author }: Revert,
  verb: 'Revert' | 'Reapply',
  tree: string,
  parent: string,
): Promise<string> {
  const message = `${verb} ${unit.kind} ${unit.key}\n\nSignalbox-Unit: ${unit.kind} ${unit.key} ${unit.id}\nSignalbox-Effect: ${effectId}\n`;
  return repository.commitTree({ tree, parents: [parent], message, author });
}
