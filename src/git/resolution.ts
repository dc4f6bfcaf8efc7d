import { leftoverMarkers } from './conflict-markers.ts';
import { droppedChanges } from './dropped-changes.ts';
import type { Conflict, MergeEngine } from './merge-engine.ts';
import type { Repository } from './repository.ts';
import { markedLines } from './marked-lines.ts';
import { readSmallBlobs } from './small-blobs.ts';
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

/** Larger files are not held in memory as a whole. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/**
 * Merges again and compares: that both commits are contained in the head says nothing of what is in its files. Of a file that is not
 * as git merges it, no change of either side may be gone, and it may not be left as it was on one side where the other has changed it;
 * nowhere may there be conflict markers that neither side has. Which version of a file is right when one side deleted it, or when it
 * is not text, only people know: there each choice is taken.
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
  const found = [
    ...(await leftMarkers(repository, conflicts, fromOurs, fromTheirs)),
    ...(await droppedInConflict(repository, conflicts, fromOurs, fromTheirs)),
    ...(merged.tree === null
      ? []
      : await droppedInClean(repository, merged.tree, { ours, theirs }, conflicts, { fromOurs, fromTheirs })),
    ...(await droppedInPart(repository, merged.tree, conflicts, { ours, theirs, head })),
  ];
  const known = new Map(found.map((fault) => [`${fault.path}\0${fault.fault}`, fault]));
  return [...known.keys()].toSorted().flatMap((key) => known.get(key) ?? []);
}

/** In files that are not as git merges them; where the engine can not say how it would, in those that conflict. */
async function droppedInPart(
  repository: Repository,
  tree: string | null,
  conflicts: readonly Conflict[],
  { ours, theirs, head }: Resolution,
): Promise<ResolutionFault[]> {
  const base = await repository.mergeBase(ours, theirs);
  if (base === null) return [];
  const paths =
    tree === null ? conflicts.map(({ path }) => path) : [...(await treeDiff(repository, tree, head)).keys()];
  const dropped = await droppedChanges(repository, { base, ours, theirs, head }, paths);
  return dropped.map(({ path, side }) => ({ path, fault: `${side}_dropped` }));
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
    MAX_HELD_BYTES,
  );
  // Of what is too large to be held as a whole, its marked lines are enough.
  const textOf = async (oid: string): Promise<Buffer[]> => {
    if (isNone(oid)) return [];
    return [blobs.get(oid) ?? (await markedLines(repository, oid)) ?? Buffer.alloc(0)];
  };
  const conflicted = new Set(conflicts.map(({ path }) => path));
  const faults: ResolutionFault[] = [];
  for (const { path, change, other } of made) {
    const [resolved = Buffer.alloc(0)] = await textOf(change.newOid);
    const sides = [...(await textOf(change.oldOid)), ...(await textOf(other.oldOid))];
    const signs = leftoverMarkers(resolved, sides);
    const isLeft = conflicted.has(path) ? signs.size > 0 : signs.has('<') && signs.has('>');
    if (isLeft) faults.push({ path, fault: 'markers' });
  }
  return faults;
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
  const faults: ResolutionFault[] = [];
  for (const { path, ours, theirs } of both) {
    if (fromOurs.has(path) && fromTheirs.has(path)) continue;
    if ((await markedLines(repository, ours)) === null || (await markedLines(repository, theirs)) === null)
      continue;
    faults.push({ path, fault: fromOurs.has(path) ? 'ours_dropped' : 'theirs_dropped' });
  }
  return faults;
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
