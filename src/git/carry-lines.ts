import { blobDiff } from './blob-diff.ts';
import { changedFiles } from './changed-files.ts';
import { type FileEntry, filesAt } from './file-at.ts';
import { parseHunks } from './hunks.ts';
import { lineMap } from './line-map.ts';
import type { Repository } from './repository.ts';
import { maxTextBytes } from './text-lines.ts';

/** Lines of a file, from `startLine` to `line`. */
export interface LinePlace {
  path: Buffer;
  startLine: number;
  line: number;
}

/**
 * Where lines of one commit are in another one, renames followed; null when one of them was changed or deleted, or is in a file
 * without lines (binary, too large, no file). That the lines exist in the old commit is for the caller to know.
 */
export async function carryLines(
  repository: Repository,
  from: string,
  to: string,
  place: LinePlace,
): Promise<LinePlace | null> {
  const [before = null, same = null] = await filesAt(repository, [
    { commit: from, path: place.path },
    { commit: to, path: place.path },
  ]);
  if (before === null || before.size === null) return null;
  if (same !== null) return carry(repository, before, same, place, place.path);
  const path = await renamed(repository, from, to, place.path);
  if (path === null) return null;
  const [after = null] = await filesAt(repository, [{ commit: to, path }]);
  return after === null ? null : carry(repository, before, after, place, path);
}

/** Where a file of one commit is in another one, renames followed; null when it is gone. */
export async function carryFile(
  repository: Repository,
  from: string,
  to: string,
  path: Buffer,
): Promise<Buffer | null> {
  const [same = null] = await filesAt(repository, [{ commit: to, path }]);
  return same === null ? renamed(repository, from, to, path) : path;
}

async function renamed(
  repository: Repository,
  from: string,
  to: string,
  path: Buffer,
): Promise<Buffer | null> {
  const files = await changedFiles(repository, from, to);
  return files.find(({ oldPath }) => oldPath?.equals(path))?.path ?? null;
}

async function carry(
  repository: Repository,
  before: FileEntry,
  after: FileEntry,
  { startLine, line }: LinePlace,
  path: Buffer,
): Promise<LinePlace | null> {
  if (before.blob === after.blob) return { path, startLine, line };
  if (after.size === null || Math.max(before.size ?? 0, after.size) > maxTextBytes) return null;
  const diff = await blobDiff(repository, before.blob, after.blob, 0);
  if (diff === null) return null;
  const mapped = lineMap(parseHunks(diff).hunks).range(startLine, line);
  return mapped === null ? null : { path, startLine: mapped.start, line: mapped.end };
}
