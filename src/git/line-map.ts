import type { Hunk } from './hunks.ts';

export interface LineMap {
  /** Where a line of the old file is in the new one; null when it was changed or deleted. */
  line(old: number): number | null;
  /** The same for all lines from `start` to `end`; null when one was changed or deleted, or something came between them. */
  range(start: number, end: number): { start: number; end: number } | null;
}

/** Lines from `at` on that were replaced by others; with none deleted, something new was put in front of `at`. */
interface Change {
  at: number;
  deleted: number;
  added: number;
}

/** Line numbers across a diff, of any number of context lines. The map does not know how long the file is: that is the caller's. */
export function lineMap(hunks: readonly Hunk[]): LineMap {
  const changes = hunks.flatMap(changesOf);
  const range = (start: number, end: number): { start: number; end: number } | null => {
    if (start < 1 || end < start) return null;
    let shift = 0;
    for (const change of changes) {
      if (change.at > end) break;
      if (change.at + change.deleted > start) return null;
      shift += change.added - change.deleted;
    }
    return { start: start + shift, end: end + shift };
  };
  return { range, line: (old) => range(old, old)?.start ?? null };
}

function changesOf(hunk: Hunk): Change[] {
  const changes: Change[] = [];
  // Where one side has no lines, git names the line before.
  let at = hunk.oldLines === 0 ? hunk.oldStart + 1 : hunk.oldStart;
  let change: Change | undefined;
  for (const line of hunk.lines) {
    if (line.kind === 'context') {
      change = undefined;
      at++;
      continue;
    }
    if (change === undefined) changes.push((change = { at, deleted: 0, added: 0 }));
    if (line.kind === 'added') change.added++;
    else {
      change.deleted++;
      at++;
    }
  }
  return changes;
}
