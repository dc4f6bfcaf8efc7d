import { blobContent } from './blob.ts';
import { blobDiff } from './blob-diff.ts';
import { type FileEntry, filesAt } from './file-at.ts';
import { type Hunk, parseHunks, wholeFile } from './hunks.ts';
import type { Repository } from './repository.ts';
import { isBinary, maxTextBytes, type TextEncoding } from './text-lines.ts';

/** Sizes and ids are null on the side that does not have the file. */
export type FileDiff =
  | { kind: 'text'; hunks: Hunk[]; encoding: TextEncoding }
  | { kind: 'binary'; oldSize: number | null; newSize: number | null }
  | { kind: 'submodule'; old: string | null; new: string | null }
  | { kind: 'too_large'; oldSize: number | null; newSize: number | null };

export interface FileDiffOptions {
  contextLines?: number;
  /** A larger file, on either side, is not read. */
  maxBytes?: number;
  /** A diff of more lines, context included, is not taken apart: each line costs far more than its bytes. */
  maxLines?: number;
}

/**
 * The diff of one file between two commits or trees. `oldPath` is where a renamed file was, null for any other. Null when neither
 * side has the file; a text without hunks when its content is the same on both.
 */
export async function fileDiff(
  repository: Repository,
  from: string,
  to: string,
  paths: { path: Buffer; oldPath: Buffer | null },
  options: FileDiffOptions = {},
): Promise<FileDiff | null> {
  const { contextLines = 3, maxBytes = maxTextBytes, maxLines = 200_000 } = options;
  const [before = null, after = null] = await filesAt(repository, [
    { commit: from, path: paths.oldPath ?? paths.path },
    { commit: to, path: paths.path },
  ]);
  if (before === null && after === null) return null;
  if (before?.mode === '160000' || after?.mode === '160000')
    return { kind: 'submodule', old: commitOf(before), new: commitOf(after) };
  if (before?.blob === after?.blob) return { kind: 'text', hunks: [], encoding: 'utf-8' };
  const sizes = { oldSize: before?.size ?? null, newSize: after?.size ?? null };
  if (Math.max(sizes.oldSize ?? 0, sizes.newSize ?? 0) > maxBytes) return { kind: 'too_large', ...sizes };
  if (before !== null && after !== null) {
    const diff = await blobDiff(repository, before.blob, after.blob, contextLines);
    if (diff === null) return { kind: 'binary', ...sizes };
    if (hasMoreLines(diff, maxLines)) return { kind: 'too_large', ...sizes };
    return { kind: 'text', ...parseHunks(diff) };
  }
  const content = await blobContent(repository, (before ?? after)?.blob ?? '');
  if (isBinary(content)) return { kind: 'binary', ...sizes };
  if (hasMoreLines(content, maxLines)) return { kind: 'too_large', ...sizes };
  return { kind: 'text', ...wholeFile(content, before === null ? 'added' : 'deleted') };
}

function commitOf(entry: FileEntry | null): string | null {
  return entry?.mode === '160000' ? entry.blob : null;
}

function hasMoreLines(bytes: Buffer, limit: number): boolean {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1))
    if (++lines > limit) return true;
  return false;
}
