import type { Hunk } from './hunks.ts';
import { lineChanges } from './line-changes.ts';

export interface LineMap {
  /** Where a line of the old file is in the new one; null when it was changed or deleted. */
  line(old: number): number | null;
  /** The same for all lines from `start` to `end`; null when one was changed or deleted, or something came between them. */
  range(start: number, end: number): { start: number; end: number } | null;
}

/** Line numbers across a diff, of any number of context lines. The map does not know how long the file is: that is the caller's. */
export function lineMap(hunks: readonly Hunk[]): LineMap {
  const changes = lineChanges(hunks);
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
