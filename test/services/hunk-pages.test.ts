import { describe, expect, test } from 'vitest';
import type { DiffLine, Hunk } from '../../src/git/hunks.ts';
import { countLines, hunkPage } from '../../src/services/hunk-pages.ts';

const context = (old: number, now: number): DiffLine => ({ kind: 'context', old, new: now, text: 'c' });
const added = (now: number): DiffLine => ({ kind: 'added', old: null, new: now, text: 'a' });
const deleted = (old: number): DiffLine => ({ kind: 'deleted', old, new: null, text: 'd' });

const first: Hunk = {
  oldStart: 10,
  oldLines: 4,
  newStart: 20,
  newLines: 4,
  heading: 'function one()',
  lines: [context(10, 20), deleted(11), deleted(12), added(21), added(22), context(13, 23)],
};
/** Without context: nothing on the old side, whose start is the line before. */
const second: Hunk = {
  oldStart: 40,
  oldLines: 0,
  newStart: 51,
  newLines: 2,
  heading: '',
  lines: [added(51), added(52)],
};
const hunks = [first, second];

describe('a page of hunks', () => {
  test('has every hunk whole when there is room', () => {
    expect(countLines(hunks)).toBe(8);
    expect(hunkPage(hunks, 0, 8)).toEqual(hunks.map((hunk) => ({ ...hunk, continued: false })));
    expect(hunkPage(hunks, 8, 8)).toEqual([]);
  });

  test.each([
    { from: 0, limit: 1, header: [10, 1, 20, 1] },
    { from: 1, limit: 2, header: [11, 2, 20, 0] },
    { from: 3, limit: 2, header: [12, 0, 21, 2] },
    { from: 2, limit: 2, header: [12, 1, 21, 1] },
    { from: 5, limit: 1, header: [13, 1, 23, 1] },
  ])('counts the lines of a part ($from, $limit) as git would', ({ from, limit, header }) => {
    const [part, ...others] = hunkPage(hunks, from, limit);
    expect(others).toEqual([]);
    expect([part?.oldStart, part?.oldLines, part?.newStart, part?.newLines]).toEqual(header);
    expect(part).toMatchObject({ heading: 'function one()', continued: from > 0 });
    expect(part?.lines).toEqual(first.lines.slice(from, from + limit));
  });

  test('may end one hunk and begin another, also where a side has no lines', () => {
    const [, whole] = hunkPage(hunks, 5, 2);
    expect(whole).toMatchObject({ oldStart: 40, oldLines: 0, newStart: 51, newLines: 1, continued: false });
    const [rest] = hunkPage(hunks, 7, 5);
    expect(rest).toMatchObject({ oldStart: 40, oldLines: 0, newStart: 52, newLines: 1, continued: true });
  });
});
