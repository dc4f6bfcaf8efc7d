import type { CommitPair } from '../git/changed-names.ts';
import type { Repository } from '../git/repository.ts';

/** Where a task has moved the branch of its phase. */
export interface TaskLanding {
  readonly task: string;
  readonly before: string;
  readonly after: string;
  /** What a merge task had to merge stands there; null for every other task. */
  readonly mergeRef: string | null;
  /** The task whose conflict it has resolved, and whose commits it has brought. */
  readonly resolved: string | null;
}

/** What a task has changed: each name that differs in all of these pairs. */
export interface LandedChange {
  readonly task: string;
  readonly pairs: readonly [CommitPair, ...CommitPair[]];
}

/**
 * Tells what each of these landings has changed, and who. A merge task brings what others have made: it has itself changed what is
 * neither as it was nor as it came. Its conflicted task lands without moving anything, and has changed what it handed in.
 */
export async function landedChanges(
  repository: Repository,
  landings: readonly TaskLanding[],
): Promise<LandedChange[]> {
  const tips = await repository.readTips(landings.flatMap(({ mergeRef }) => mergeRef ?? []));
  const changes: LandedChange[] = [];
  for (const { task, before, after, mergeRef, resolved } of landings) {
    const brought = mergeRef === null ? null : (tips.get(mergeRef) ?? null);
    if (brought === null) {
      changes.push({ task, pairs: [{ before, after }] });
      continue;
    }
    changes.push({
      task,
      pairs: [
        { before, after },
        { before: brought, after },
      ],
    });
    if (resolved === null) continue;
    const left = (await repository.mergeBase(before, brought)) ?? before;
    changes.push({ task: resolved, pairs: [{ before: left, after: brought }] });
  }
  return changes;
}
