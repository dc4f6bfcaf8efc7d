import { leftoverMarkers } from './conflict-markers.ts';
import type { Conflict, MergeEngine } from './merge-engine.ts';
import type { Repository } from './repository.ts';
import { readSmallBlobs } from './small-blobs.ts';
import { isBinary } from './text-lines.ts';
import { type TreeChange, treeDiff } from './tree-diff.ts';

/** What was merged, and what came of it. */
export interface Resolution {
  /** What was there. */
  readonly ours: string;
  /** What had to be merged. */
  readonly theirs: string;
  /** The commit that says it has both. */
  readonly head: string;
}

/** Something that a merge should not leave behind: conflict markers, or a file in which one side's change is gone. */
export interface ResolutionFault {
  readonly path: string;
  readonly fault: 'markers' | 'ours_dropped' | 'theirs_dropped';
}

/** Larger files are not searched for conflict markers. */
const MAX_SEARCHED_BYTES = 4 * 1024 * 1024;

/**
 * Merges again and compares: that both commits are contained in the head says nothing of what is in its files. In a file that git
 * merges by itself the change of neither side may be gone; one that conflicts in its contents may not be left as it was on one side,
 * and nowhere may there be conflict markers that neither side has. Which version of a file is right when one side deleted it, or when
 * it is not text, only people know: there each choice is taken.
 */
export async function resolutionFaults(
  repository: Repository,
  engine: MergeEngine,
  { ours, theirs, head }: Resolution,
): Promise<ResolutionFault[]> {
  const merged = await engine.merge(repository, ours, theirs);
  const conflicts = merged.clean ? [] : merged.conflicts;
  const [fromOurs, fromTheirs] = [
    await treeDiff(repository, ours, head),
    await treeDiff(repository, theirs, head),
  ];
  return [
    ...(await leftMarkers(repository, conflicts, fromOurs, fromTheirs)),
    ...(await droppedInConflict(repository, conflicts, fromOurs, fromTheirs)),
    ...(merged.tree === null
      ? []
      : await droppedInClean(repository, merged.tree, { ours, theirs }, conflicts, { fromOurs, fromTheirs })),
  ].toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

type Changes = ReadonlyMap<string, TreeChange>;

/** In a file that conflicted one line is enough; elsewhere it takes the beginning and the end of a conflict. */
async function leftMarkers(
  repository: Repository,
  conflicts: readonly Conflict[],
  fromOurs: Changes,
  fromTheirs: Changes,
): Promise<ResolutionFault[]> {
  // What is the same as on one side was not made by this merge.
  const made = [...fromOurs].flatMap(([path, change]) => {
    const other = fromTheirs.get(path);
    return other === undefined || !isFile(change.newMode) ? [] : [{ path, change, other }];
  });
  const blobs = await readSmallBlobs(
    repository,
    made.flatMap(({ change, other }) =>
      [change.newOid, change.oldOid, other.oldOid].filter((oid) => !isNone(oid)),
    ),
    MAX_SEARCHED_BYTES,
  );
  const conflicted = new Set(conflicts.map(({ path }) => path));
  const hasLeftovers = ({ path, change, other }: (typeof made)[number]): boolean => {
    const resolved = blobs.get(change.newOid);
    if (resolved === undefined) return false;
    const sides = [change.oldOid, other.oldOid].flatMap((oid) => blobs.get(oid) ?? []);
    const signs = leftoverMarkers(resolved, sides);
    return conflicted.has(path) ? signs.size > 0 : signs.has('<') && signs.has('>');
  };
  return made.filter(hasLeftovers).map(({ path }) => ({ path, fault: 'markers' }));
}

async function droppedInConflict(
  repository: Repository,
  conflicts: readonly Conflict[],
  fromOurs: Changes,
  fromTheirs: Changes,
): Promise<ResolutionFault[]> {
  const both = conflicts.flatMap(({ path, stages }) => {
    const [ours, theirs] = [stages[2], stages[3]];
    const isText = ours !== undefined && theirs !== undefined && isFile(ours.mode) && isFile(theirs.mode);
    return isText ? [{ path, ours: ours.oid, theirs: theirs.oid }] : [];
  });
  const blobs = await readSmallBlobs(
    repository,
    both.flatMap(({ ours, theirs }) => [ours, theirs]),
    MAX_SEARCHED_BYTES,
  );
  return both.flatMap(({ path, ours, theirs }): ResolutionFault[] => {
    if (isNoText(blobs.get(ours)) || isNoText(blobs.get(theirs))) return [];
    if (!fromOurs.has(path)) return [{ path, fault: 'theirs_dropped' }];
    if (!fromTheirs.has(path)) return [{ path, fault: 'ours_dropped' }];
    return [];
  });
}

async function droppedInClean(
  repository: Repository,
  tree: string,
  sides: { readonly ours: string; readonly theirs: string },
  conflicts: readonly Conflict[],
  { fromOurs, fromTheirs }: { readonly fromOurs: Changes; readonly fromTheirs: Changes },
): Promise<ResolutionFault[]> {
  const unmerged = new Set(conflicts.map(({ path }) => path));
  const lost = async (side: string, inHead: Changes): Promise<string[]> =>
    [...(await treeDiff(repository, side, tree)).keys()].filter(
      (path) => !unmerged.has(path) && !inHead.has(path),
    );
  return [
    ...(await lost(sides.ours, fromOurs)).map((path) => ({ path, fault: 'theirs_dropped' as const })),
    ...(await lost(sides.theirs, fromTheirs)).map((path) => ({ path, fault: 'ours_dropped' as const })),
  ];
}

function isFile(mode: string): boolean {
  return mode === '100644' || mode === '100755';
}

function isNone(oid: string): boolean {
  return /^0+$/.test(oid);
}

/** What could not be read is taken for binary. */
function isNoText(blob: Buffer | undefined): boolean {
  return blob === undefined || isBinary(blob);
}
