import { GitError } from './git-error.ts';
import type { CommitAuthor, LandingUnit } from './landing-types.ts';
import type { Repository } from './repository.ts';

export interface MergeCommit {
  tree: string;
  before: string;
  source: string;
  unit: LandingUnit;
  effectId: string;
  author: CommitAuthor;
  /** The ref that holds the commit until a branch does. */
  keepRef: string;
}

/**
 * Builds the merge commit, proves that its tree and parents are what was merged, and gives it a keep ref: from here on its id is
 * what lands, and no clean-up can take it away.
 */
export async function buildMergeCommit(repository: Repository, merge: MergeCommit): Promise<string> {
  const { before, source, tree } = merge;
  const oid = await repository.commitTree({
    tree,
    parents: [before, source],
    message: messageOf(merge),
    author: merge.author,
  });
  const built = await repository.commitInfo(oid);
  if (built.tree !== tree || built.parents.join(' ') !== `${before} ${source}`) {
    throw new GitError(
      'landing_proof_failed',
      'the merge commit does not have the tree and parents that were merged',
    );
  }
  await repository.updateRefs([{ ref: merge.keepRef, new: oid }]);
  return oid;
}

function messageOf({ unit, effectId }: MergeCommit): string {
  return `Merge ${unit.kind} ${unit.key}\n\nSignalbox-Unit: ${unit.kind} ${unit.key} ${unit.id}\nSignalbox-Effect: ${effectId}\n`;
}
