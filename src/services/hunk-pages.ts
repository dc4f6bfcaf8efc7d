import type { Hunk } from '../git/hunks.ts';

/** A hunk or a part of one, with the line numbers of just that part. */
export interface HunkPart extends Hunk {
  /** Its beginning was on the page before. */
  readonly continued: boolean;
}

export function countLines(hunks: readonly Hunk[]): number {
  return hunks.reduce((sum, { lines }) => sum + lines.length, 0);
}

/** The lines from `offset` on, at most `limit`, in their hunks. */
export function hunkPage(hunks: readonly Hunk[], offset: number, limit: number): HunkPart[] {
  const parts: HunkPart[] = [];
  let before = 0;
  for (const hunk of hunks) {
    const start = Math.max(offset - before, 0);
    const end = Math.min(offset + limit - before, hunk.lines.length);
    if (start < end) parts.push(partOf(hunk, start, end));
    before += hunk.lines.length;
  }
  return parts;
}

function partOf(hunk: Hunk, start: number, end: number): HunkPart {
  const [skipped, lines] = [hunk.lines.slice(0, start), hunk.lines.slice(start, end)];
  const old = sideOf('old', { start: hunk.oldStart, lines: hunk.oldLines }, skipped, lines);
  const now = sideOf('new', { start: hunk.newStart, lines: hunk.newLines }, skipped, lines);
  return {
    oldStart: old.start,
    oldLines: old.lines,
    newStart: now.start,
    newLines: now.lines,
    heading: hunk.heading,
    continued: start > 0,
    lines,
  };
}

interface Side {
  readonly start: number;
  readonly lines: number;
}

/** As git counts: where a side has no line, its start is the line before. */
function sideOf(name: 'old' | 'new', whole: Side, skipped: Hunk['lines'], lines: Hunk['lines']): Side {
  const count = (some: Hunk['lines']): number => some.filter((line) => line[name] !== null).length;
  const first = whole.start + (whole.lines === 0 ? 1 : 0) + count(skipped);
  const here = count(lines);
  return { start: here === 0 ? first - 1 : first, lines: here };
}
