import type { Hunk } from './hunks.ts';

/** Lines from `at` on that were replaced by others; with none deleted, something new was put in front of `at`. */
export interface LineChange {
  readonly at: number;
  deleted: number;
  added: number;
}

/** The changes of a diff, of any number of context lines, by the numbers of the old lines. */
export function lineChanges(hunks: readonly Hunk[]): LineChange[] {
  return hunks.flatMap(changesOf);
}

function changesOf(hunk: Hunk): LineChange[] {
  const changes: LineChange[] = [];
  // Where one side has no lines, git names the line before.
  let at = hunk.oldLines === 0 ? hunk.oldStart + 1 : hunk.oldStart;
  let change: LineChange | undefined;
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
