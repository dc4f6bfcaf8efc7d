import { blobDiff } from './blob-diff.ts';
import { type FileEntry, filesAt } from './file-at.ts';
import { parseHunks } from './hunks.ts';
import { type LineChange, lineChanges } from './line-changes.ts';
import { pathBytes } from './path-name.ts';
import type { Repository } from './repository.ts';
import { maxTextBytes } from './text-lines.ts';

/** The commits of a merge: what both sides come from, the sides, and what came of them. */
export interface Sides {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  readonly head: string;
}

export interface DroppedChange {
  readonly path: string;
  readonly side: 'ours' | 'theirs';
}

/**
 * In which of these files a change of one side is gone, as if it had never been made: the file still has the lines of the base there,
 * or is not there at all though both sides have it. What the resolution itself has written where a side had changed something is its
 * own: nobody but people knows what is right there. The same for a file that
 * one side deleted, that is no text, or that is larger than what is shown line by line.
 */
export async function droppedChanges(
  repository: Repository,
  sides: Sides,
  paths: readonly string[],
): Promise<DroppedChange[]> {
  const names = paths.flatMap((path) => {
    const bytes = pathBytes(path);
    return bytes === null ? [] : [{ path, bytes }];
  });
  const commits = [sides.base, sides.ours, sides.theirs, sides.head];
  const entries = await filesAt(
    repository,
    names.flatMap(({ bytes }) => commits.map((commit) => ({ commit, path: bytes }))),
  );
  const found: DroppedChange[] = [];
  for (const [place, { path }] of names.entries()) {
    const [base, ours, theirs, head = null] = entries.slice(4 * place, 4 * place + 4);
    if (!isFile(base) || !isFile(ours) || !isFile(theirs)) continue;
    for (const [side, entry] of [['ours', ours] as const, ['theirs', theirs] as const])
      if (await isDropped(repository, base, entry, head)) found.push({ path, side });
  }
  return found;
}

async function isDropped(
  repository: Repository,
  base: FileEntry,
  side: FileEntry,
  head: FileEntry | null,
): Promise<boolean> {
  if (head !== null && !isFile(head)) return false;
  if (side.blob === base.blob || side.blob === head?.blob) return false;
  const made = await changes(repository, base, side);
  if (made === null || head === null) return made !== null;
  const kept = await changes(repository, base, head);
  return kept !== null && made.some((change) => !kept.some((other) => touch(change, other)));
}

/** Null where there is nothing to compare line by line. */
async function changes(repository: Repository, from: FileEntry, to: FileEntry): Promise<LineChange[] | null> {
  if (from.blob === to.blob) return [];
  if (Math.max(from.size ?? 0, to.size ?? 0) > maxTextBytes) return null;
  const diff = await blobDiff(repository, from.blob, to.blob, 0);
  return diff === null ? null : lineChanges(parseHunks(diff).hunks);
}

/** Side by side counts, as it does for git: what was put in front of a line may be what the other has put behind the one before. */
function touch(one: LineChange, other: LineChange): boolean {
  return one.at <= other.at + other.deleted && other.at <= one.at + one.deleted;
}

function isFile(entry: FileEntry | null | undefined): entry is FileEntry {
  return entry?.mode === '100644' || entry?.mode === '100755';
}
