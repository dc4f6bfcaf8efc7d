import { describe, expect, it } from 'vitest';
import { commitPatchIds } from '../../src/git/commit-patches.ts';
import { Containment } from '../../src/git/containment.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { patchId } from '../../src/git/patch-id.ts';
import { numbered, snapshot } from './diff-support.ts';
import { Bench } from './support.ts';

const bench = new Bench();
const lines = numbered(1, 40);
const change = (text: string, ...numbers: number[]): string =>
  numbers.reduce((now, number) => now.replace(`line ${number}\n`, `changed ${number}\n`), text);
const commit = (text: string, ...parents: string[]): string => snapshot(bench, [['a', text]], parents);

/** Two commits of a task, which change lines 10 and 30, and a base that has moved: somebody has put a line in above. */
const base = commit(lines);
const first = commit(change(lines, 10), base);
const head = commit(change(lines, 10, 30), first);
const longer = `above\n${lines}`;
const moved = commit(longer, base);
const rebased = commit(change(longer, 10), moved);

const at = (tip: string, maxCommits?: number): Containment =>
  new Containment(bench.repository, new GitMergeEngine(), tip, maxCommits);

describe('work is contained in a tip', () => {
  it('by its commits, where they are in its history', async () => {
    expect(await at(commit(change(lines, 10, 30, 31), head)).of(head)).toBe('by_ancestry');
    expect(await at(head).of(head)).toBe('by_ancestry');
  });

  it('by its patches, where all of them are there after a rebase', async () => {
    const tip = commit(change(longer, 10, 30, 20), commit(change(longer, 10, 30), rebased));
    expect(await at(tip).of(head)).toBe('by_patch');
  });

  it('not when a rebase has dropped one of its commits', async () => {
    const containment = at(commit(change(longer, 10, 20), rebased));
    expect(await containment.of(head)).toBe('missing');
    // What one answer has read counts as much in the next.
    expect(await containment.of(first)).toBe('by_patch');
    expect(await containment.of(head)).toBe('missing');
  });

  it('not when one of its commits was changed by one blank', async () => {
    const tip = commit(change(longer, 10, 30).replace('changed 30', 'changed  30'), rebased);
    expect(await at(tip).of(head)).toBe('missing');
  });

  it('not by a patch that the tip had before, or has once for what was done twice', async () => {
    const undone = commit(lines, first);
    const again = commit(change(lines, 10), undone);
    expect(await at(commit(longer, rebased)).of(again)).toBe('missing');
    expect(await at(undone).of(again)).toBe('missing');
    expect(await at(commit(change(longer, 10), commit(longer, rebased))).of(again)).toBe('by_patch');
  });

  it('by its patches, where it was begun after a landing: a merge that changes nothing by itself is no work', async () => {
    const landed = commit(change(lines, 10), base, first);
    const later = commit(change(lines, 10, 20), landed);
    const tip = commit(change(longer, 10, 20), rebased);
    expect(await at(tip).of(later)).toBe('by_patch');
    expect(await at(rebased).of(later)).toBe('missing');
  });

  it('not when what a merge changes by itself is missing, which is in no patch', async () => {
    const conflicting = commit(change(lines, 10).replace('changed 10', 'other 10'), base);
    const resolved = commit(lines.replace('line 10', 'both 10'), first, conflicting);
    const added = commit(change(longer, 10, 30, 35), head, moved);
    const all = commit(change(longer, 10, 30), rebased);
    expect(await at(commit(longer.replace('line 10', 'other 10'), all)).of(resolved)).toBe('missing');
    expect(await at(all).of(added)).toBe('missing');
    expect(await at(all).of(commit(change(longer, 10, 30), head, moved))).toBe('by_patch');
  });

  it('whatever becomes of commits that change nothing, of other merges, and of the first commit of all', async () => {
    const tip = commit(change(longer, 10, 30), rebased);
    const side = commit(change(longer, 10, 30), commit(change(longer, 10, 30), rebased), tip);
    expect(await at(side).of(commit(change(lines, 10, 30), head))).toBe('by_patch');
    const root = snapshot(bench, [['b', 'root\n']]);
    const onBase = snapshot(
      bench,
      [
        ['a', lines],
        ['b', 'root\n'],
      ],
      [base],
    );
    expect(await at(onBase).of(root)).toBe('by_patch');
    expect(await at(base).of(root)).toBe('missing');
  });

  it('not beyond the bound of what is compared, and not when its commit is not here', async () => {
    const tip = commit(change(longer, 10, 30), rebased);
    expect(await at(tip, 3).of(head)).toBe('by_patch');
    expect(await at(tip, 1).of(head)).toBe('missing');
    const same = commit(change(lines, 10, 30), commit(change(lines, 10, 30), head));
    expect(await at(commit(change(longer, 30), moved), 2).of(same)).toBe('missing');
    expect(await at(commit('x\n', commit(change(longer, 10, 30, 1), tip)), 2).of(head)).toBe('missing');
    expect(await at(tip).of('1'.repeat(40))).toBe('missing');
  });
});

describe('the ids of the patches of many commits', () => {
  it('are those of each, whatever a file has that looks like the id of a commit, and however large it is', async () => {
    const tricky = commit(`${head}\n${first}\n${'long '.repeat(30_000)}\n`, head);
    const large = commit(numbered(1, 20_000), tricky);
    const empty = commit(numbered(1, 20_000), large);
    const commits = [first, head, tricky, large, empty, commit(lines, empty, first)];
    const parents = [base, first, head, tricky];
    const ids = await commitPatchIds(bench.repository, commits);
    expect([...ids.keys()]).toEqual(commits.slice(0, 4));
    for (const [index, parent] of parents.entries()) {
      const oid = commits[index] ?? '';
      expect(ids.get(oid)).toBe(await patchId(bench.repository, parent, oid));
    }
    expect(await commitPatchIds(bench.repository, [])).toEqual(new Map());
  });
});
