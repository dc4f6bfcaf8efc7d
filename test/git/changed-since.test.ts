import { describe, expect, it } from 'vitest';
import { changedFiles } from '../../src/git/changed-files.ts';
import { changedSince, type Reviewed } from '../../src/git/changed-since.ts';
import { fileDiff } from '../../src/git/file-diff.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { newCommits } from '../../src/git/new-commits.ts';
import { type File, numbered, snapshot } from './diff-support.ts';
import { Bench } from './support.ts';

const bench = new Bench();

describe('the new commits', () => {
  it('are those that were not there before, newest first', async () => {
    const files: File[] = [['a', '1\n']];
    const at = (seconds: number, message: string, parents: string[] = [], author = 'Someone'): string =>
      snapshot(bench, files, parents, { at: seconds, message, author });
    const root = at(1_000, 'Root');
    const old = at(2_000, 'Old', [root]);
    const base = at(2_500, 'Base', [root]);
    const one = at(3_000, 'One\n\nwith a body', [old], 'Zo\u00eb');
    // Its clock was wrong.
    const two = at(1_500, 'Two', [one]);
    const merge = at(4_000, 'Merge', [two, base]);
    const found = await newCommits(bench.repository, [old, base], merge, 10);
    expect(found).toEqual({
      commits: [
        { oid: merge, subject: 'Merge', author: 'Someone', authoredAt: new Date(4_000_000) },
        { oid: two, subject: 'Two', author: 'Someone', authoredAt: new Date(1_500_000) },
        { oid: one, subject: 'One', author: 'Zo\u00eb', authoredAt: new Date(3_000_000) },
      ],
      more: false,
    });
    const oids = async (from: string[], to: string, limit: number): Promise<[string[], boolean]> => {
      const { commits, more } = await newCommits(bench.repository, from, to, limit);
      return [commits.map(({ oid }) => oid), more];
    };
    expect(await oids([old, base], merge, 2)).toEqual([[merge, two], true]);
    expect(await oids([old, base], merge, 3)).toEqual([[merge, two, one], false]);
    expect(await oids([], old, 5)).toEqual([[old, root], false]);
    expect(await oids([merge], old, 5)).toEqual([[], false]);
    expect(await oids([old], merge, 5)).toEqual([[merge, base, two, one], false]);
  });

  it('come before their parents, whatever their clocks say', async () => {
    const commit = (at: number, parents: string[]): string => snapshot(bench, [], parents, { at });
    const parent = commit(5_000, []);
    const [early, late] = [commit(1_000, [parent]), commit(2_000, [parent])];
    const merge = commit(6_000, [early, late]);
    const { commits } = await newCommits(bench.repository, [], merge, 5);
    expect(commits.map(({ oid }) => oid)).toEqual([merge, late, early, parent]);
  });

  it('may have an empty message, and take ids only', async () => {
    const empty = snapshot(bench, [], [], { message: '' });
    const { commits } = await newCommits(bench.repository, [], empty, 5);
    expect(commits).toEqual([expect.objectContaining({ oid: empty, subject: '' })]);
    await expect(newCommits(bench.repository, ['--all'], empty, 5)).rejects.toMatchObject({
      code: 'invalid_object_id',
    });
  });
});

describe('what has changed since a review', () => {
  const engine = new GitMergeEngine();
  const text = numbered(1, 60);
  const base = snapshot(bench, [['shared', text]]);
  const reviewed = text.replace('line 10\n', 'ten\n');
  const oldHead = snapshot(bench, [['shared', reviewed]], [base]);
  const baseFile: File = ['of the base', 'new\n'];
  const newBase = snapshot(bench, [['shared', text.replace('line 50\n', 'fifty\n')], baseFile], [base]);
  const onNewBase = reviewed.replace('line 50\n', 'fifty\n');

  function since(request: Partial<Reviewed>): ReturnType<typeof changedSince> {
    const all = { oldHead, oldBase: base, newHead: oldHead, newBase: base, ...request };
    return changedSince(bench.repository, engine, all);
  }

  /** Every line that the comparison shows. */
  async function shown(request: Partial<Reviewed>): Promise<{ lines: string[]; includesBase: boolean }> {
    const { from, to, includesBase } = await since(request);
    const lines: string[] = [];
    for (const file of await changedFiles(bench.repository, from, to)) {
      const diff = await fileDiff(bench.repository, from, to, file, { contextLines: 0 });
      if (diff?.kind !== 'text') throw new Error('not a text');
      for (const line of diff.hunks.flatMap((hunk) => hunk.lines))
        lines.push(`${file.path.toString()}: ${line.kind} ${line.text}`);
    }
    return { lines, includesBase };
  }

  const fixed = ['shared: deleted line 30', 'shared: added thirty'];

  it('is what was committed on top, when the base has stayed', async () => {
    const newHead = snapshot(bench, [['shared', reviewed.replace('line 30\n', 'thirty\n')]], [oldHead]);
    expect(await shown({ newHead })).toEqual({ lines: fixed, includesBase: false });
    expect(await since({ newHead })).toEqual({ from: oldHead, to: newHead, includesBase: false });
    expect(await shown({})).toEqual({ lines: [], includesBase: false });
  });

  it('is without what came in from the base, merged or rebased', async () => {
    const files: File[] = [['shared', onNewBase.replace('line 30\n', 'thirty\n')], baseFile];
    for (const parents of [[oldHead, newBase], [newBase]]) {
      const newHead = snapshot(bench, files, parents);
      expect(await shown({ newHead, newBase })).toEqual({ lines: fixed, includesBase: false });
    }
    const onlyMerged = snapshot(bench, [['shared', onNewBase], baseFile], [oldHead, newBase]);
    expect(await shown({ newHead: onlyMerged, newBase })).toEqual({ lines: [], includesBase: false });
  });

  it('is not the base turned around when the base has gone on and the work does not have it', async () => {
    const newHead = snapshot(bench, [['shared', reviewed.replace('line 30\n', 'thirty\n')]], [oldHead]);
    expect(await shown({ newHead, newBase })).toEqual({ lines: fixed, includesBase: false });
  });

  it('is without the base also when the base was known before, and merged only now', async () => {
    const files: File[] = [['shared', onNewBase.replace('line 30\n', 'thirty\n')], baseFile];
    const newHead = snapshot(bench, files, [oldHead, newBase]);
    expect(await shown({ newHead, newBase, oldBase: newBase })).toEqual({
      lines: fixed,
      includesBase: false,
    });
  });

  it('shows the base too, and says so, when the old head can not be merged with it', async () => {
    const clash = snapshot(bench, [['shared', text.replace('line 10\n', 'TEN\n')]], [base]);
    const newHead = snapshot(bench, [['shared', text.replace('line 10\n', 'ten, TEN\n')]], [oldHead, clash]);
    expect(await since({ newHead, newBase: clash })).toEqual({
      from: oldHead,
      to: newHead,
      includesBase: true,
    });
  });

  it('says so too when the new head is on an older base, or on another one', async () => {
    const onNew = snapshot(bench, [['shared', onNewBase], baseFile], [newBase]);
    const back = snapshot(bench, [['shared', reviewed]], [base]);
    const replaced = snapshot(bench, [['shared', 'all new\n']]);
    const onReplaced = snapshot(bench, [['shared', 'all new\nand more\n']], [replaced]);
    for (const [newHead, now] of [
      [back, newBase],
      [back, base],
      [onReplaced, replaced],
      [onReplaced, base],
    ] as const)
      expect(await since({ oldHead: onNew, oldBase: newBase, newHead, newBase: now })).toEqual({
        from: onNew,
        to: newHead,
        includesBase: true,
      });
  });

  it('is without the base when there never was one', async () => {
    const apart = snapshot(bench, [['shared', 'apart\n']]);
    const newHead = snapshot(bench, [['shared', 'apart\nmore\n']], [apart]);
    expect(await since({ oldHead: apart, newHead })).toEqual({
      from: apart,
      to: newHead,
      includesBase: false,
    });
    const merged = snapshot(bench, [['shared', 'apart\n']], [apart, base]);
    expect(await since({ oldHead: apart, newHead: merged })).toEqual({
      from: apart,
      to: merged,
      includesBase: true,
    });
  });
});
