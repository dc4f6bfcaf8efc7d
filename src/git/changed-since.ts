import type { MergeEngine } from './merge-engine.ts';
import type { Repository } from './repository.ts';

export interface Reviewed {
  oldHead: string;
  oldBase: string;
  newHead: string;
  newBase: string;
}

/** What to compare; `from` is a commit or a tree. */
export interface SinceReview {
  from: string;
  to: string;
  /** The comparison also shows what only the base has changed, because it could not be told apart. */
  includesBase: boolean;
}

/**
 * What the reviewed work has changed since `oldHead`, without what came in from its base: the old head is brought to the state of
 * the base that the new head is on, in memory. How far that is, git says: the new head need not have all of `newBase`.
 */
export async function changedSince(
  repository: Repository,
  engine: MergeEngine,
  { oldHead, oldBase, newHead, newBase }: Reviewed,
): Promise<SinceReview> {
  const known = (includesBase: boolean): SinceReview => ({ from: oldHead, to: newHead, includesBase });
  if (oldHead === newHead) return known(false);
  const was = await repository.mergeBase(oldBase, oldHead);
  const is = await repository.mergeBase(newBase, newHead);
  // The new head is on less of the base than the old one was, or on another one: that can not be taken out by a merge.
  if (was !== null && (is === null || !(await repository.isAncestor(was, is)))) return known(true);
  if (is === null || (await repository.isAncestor(is, oldHead))) return known(false);
  if (was === null) return known(true);
  const merged = await engine.merge(repository, oldHead, is);
  return merged.clean ? { from: merged.tree, to: newHead, includesBase: false } : known(true);
}
