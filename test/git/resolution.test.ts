import { describe, expect, it } from 'vitest';
import { leftoverMarkers } from '../../src/git/conflict-markers.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { resolutionFaults } from '../../src/git/resolution.ts';
import { Bench, git } from './support.ts';

const BASE = {
  'a.txt': 'one\ntwo\nthree\n',
  'ours.txt': 'base\n',
  'theirs.txt': 'base\n',
  'gone.txt': 'base\n',
};
const OURS = { 'a.txt': 'one\nours\nthree\n', 'ours.txt': 'ours\n' };
const THEIRS = { 'a.txt': 'one\ntheirs\nthree\n', 'theirs.txt': 'theirs\n' };
const GOOD = { 'a.txt': 'one\nours and theirs\nthree\n', 'theirs.txt': 'theirs\n' };

const bench = new Bench();

type Files = Readonly<Record<string, string | Buffer | null>>;

/** Merges by hand: a commit with both parents, in which the files stand on top of `ours`. */
async function faultsOf(resolved: Files, ours: Files = OURS, theirs: Files = THEIRS, more: Files = {}) {
  const base = bench.commit('refs/heads/base', null, { ...BASE, ...more });
  const left = bench.commit('refs/heads/ours', base, ours);
  const right = bench.commit('refs/heads/theirs', base, theirs);
  const files = bench.commit('refs/heads/files', left, resolved);
  const tree = git(bench.dir, 'rev-parse', `${files}^{tree}`);
  const head = git(bench.dir, 'commit-tree', '-p', left, '-p', right, '-m', 'Merge', tree);
  return resolutionFaults(bench.repository, new GitMergeEngine(), { ours: left, theirs: right, head });
}

const markers = 'one\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\nthree\n';

describe('a resolution', () => {
  it('that has both sides has no faults', async () => {
    expect(await faultsOf(GOOD)).toEqual([]);
  });

  it('may change more than the merge asked for', async () => {
    expect(
      await faultsOf({ ...GOOD, 'theirs.txt': 'theirs, and what it needs now\n', 'new.txt': 'new\n' }),
    ).toEqual([]);
  });

  it.each([
    ['LF', markers],
    ['CRLF', markers.replaceAll('\n', '\r\n')],
  ])('with conflict markers in it (%s) is not one', async (_, text) => {
    expect(await faultsOf({ ...GOOD, 'a.txt': text })).toEqual([{ path: 'a.txt', fault: 'markers' }]);
  });

  it('with conflict markers where there was no conflict is not one', async () => {
    expect(await faultsOf({ ...GOOD, 'ours.txt': markers })).toEqual([
      { path: 'ours.txt', fault: 'markers' },
    ]);
  });

  it('of which one marker is left where it conflicted is not one', async () => {
    const left = markers.replace('<<<<<<< HEAD\n', '').replace('=======\n', '');
    expect(await faultsOf({ ...GOOD, 'a.txt': left })).toEqual([{ path: 'a.txt', fault: 'markers' }]);
  });

  it('with markers of its own beside those that one side has is not one', async () => {
    const docs = { ...OURS, 'a.txt': `one\nours\n${markers}` };
    const left = `${markers.replaceAll('other', 'theirs')}${markers}`;
    expect(await faultsOf({ ...GOOD, 'a.txt': left }, docs)).toEqual([{ path: 'a.txt', fault: 'markers' }]);
  });

  it('may keep the markers that one side has, whatever ends their lines', async () => {
    const docs = { ...OURS, 'a.txt': `one\nours\n${markers}` };
    const kept = `one\nours and theirs\n${markers}`.replaceAll('\n', '\r\n');
    expect(await faultsOf({ ...GOOD, 'a.txt': kept }, docs)).toEqual([]);
  });

  it('may quote one marker where there was no conflict', async () => {
    expect(await faultsOf({ ...GOOD, 'ours.txt': '>>>>>>> quoted seven times\n' })).toEqual([]);
  });

  it.each([
    ['ours', { ...GOOD, 'a.txt': OURS['a.txt'] }, 'theirs_dropped'],
    ['theirs', { ...GOOD, 'a.txt': THEIRS['a.txt'] }, 'ours_dropped'],
  ])('that leaves what conflicts as it was on one side (%s) is not one', async (_, files, fault) => {
    expect(await faultsOf(files)).toEqual([{ path: 'a.txt', fault }]);
  });

  it('that drops what git merges by itself is not one, on either side', async () => {
    expect(await faultsOf({ ...GOOD, 'theirs.txt': 'base\n' })).toEqual([
      { path: 'theirs.txt', fault: 'theirs_dropped' },
    ]);
    expect(await faultsOf({ ...GOOD, 'ours.txt': 'base\n' })).toEqual([
      { path: 'ours.txt', fault: 'ours_dropped' },
    ]);
  });

  it('made with -s ours is not one: everything of the other side is named', async () => {
    expect(await faultsOf({})).toEqual([
      { path: 'a.txt', fault: 'theirs_dropped' },
      { path: 'theirs.txt', fault: 'theirs_dropped' },
    ]);
  });

  const lines = (changed: Readonly<Record<number, string>>): string =>
    Array.from({ length: 60 }, (_, at) => `${changed[at + 1] ?? `line ${at + 1}`}\n`).join('');
  const long = {
    base: { 'big.txt': lines({}) },
    ours: { ...OURS, 'big.txt': lines({ 30: 'ours', 60: 'ours' }) },
    theirs: { ...THEIRS, 'big.txt': lines({ 5: 'theirs', 30: 'ours' }) },
    good: { ...GOOD, 'big.txt': lines({ 5: 'theirs', 30: 'ours', 60: 'ours' }) },
  };
  const faultsOfLong = (files: Files) =>
    faultsOf({ ...long.good, ...files }, long.ours, long.theirs, long.base);
  const dropped = (...faults: ('ours' | 'theirs')[]) =>
    faults.map((side) => ({ path: 'big.txt', fault: `${side}_dropped` }));

  it.each([
    ['has all of both', lines({ 5: 'theirs', 30: 'ours', 60: 'ours' }), []],
    [
      'has both, and more beside and elsewhere',
      lines({ 5: 'theirs\nnew', 30: 'ours', 40: 'new', 60: 'ours' }),
      [],
    ],
    ['says something of its own where they changed something', lines({ 5: 'new', 30: 'new', 60: 'new' }), []],
    ['is as it was before both', lines({}), dropped('ours', 'theirs')],
    ['is gone', null, dropped('ours', 'theirs')],
    ['is like one side, with a line of its own', lines({ 30: 'ours', 60: 'ours\nnew' }), dropped('theirs')],
    [
      'is like the other side, with a line of its own',
      lines({ 1: 'new', 5: 'theirs', 30: 'ours' }),
      dropped('ours'),
    ],
    ['has lost what both changed alike', lines({ 5: 'theirs', 60: 'ours' }), dropped('ours', 'theirs')],
  ])('in a file that git merges by itself, which %s', async (_, text, faults) => {
    expect(await faultsOfLong({ 'big.txt': text })).toEqual(faults);
  });

  it('that puts back what was there before both sides is not one, nor is one without the file', async () => {
    for (const text of [BASE['a.txt'], null])
      expect(await faultsOf({ ...GOOD, 'a.txt': text })).toEqual([
        { path: 'a.txt', fault: 'ours_dropped' },
        { path: 'a.txt', fault: 'theirs_dropped' },
      ]);
  });

  it('of a file that one side deleted may keep it or not', async () => {
    const [ours, theirs] = [{ 'gone.txt': null }, { 'gone.txt': 'theirs\n' }];
    expect(await faultsOf({}, ours, theirs)).toEqual([]);
    expect(await faultsOf({ 'gone.txt': 'theirs\n' }, ours, theirs)).toEqual([]);
  });

  it('of a binary file takes one side', async () => {
    const [ours, theirs] = [{ 'a.bin': Buffer.from([0, 1]) }, { 'a.bin': Buffer.from([0, 2]) }];
    expect(await faultsOf({}, ours, theirs)).toEqual([]);
    expect(await faultsOf({ 'a.bin': null }, ours, theirs, { 'a.bin': Buffer.from([0]) })).toEqual([]);
  });

  it('of a file of any size has no markers, and both sides', async () => {
    const large = (changed: string): string =>
      `${changed}\n${'a line that is long enough\n'.repeat(200_000)}`;
    const [base, ours, theirs] = ['base', 'ours', 'theirs'].map((line) => ({ 'large.txt': large(line) }));
    const fault = (of: string) => [{ path: 'large.txt', fault: of }];
    const merged = (line: string) => faultsOf({ 'large.txt': large(line) }, ours, theirs, base);
    expect(await merged('ours and theirs')).toEqual([]);
    expect(await merged('<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other')).toEqual(fault('markers'));
    expect(await merged('ours')).toEqual(fault('theirs_dropped'));
  });

  it('of a merge without conflicts is looked at as well', async () => {
    const [ours, theirs] = [{ 'ours.txt': 'ours\n' }, { 'theirs.txt': 'theirs\n' }];
    expect(await faultsOf({ 'theirs.txt': 'theirs\n' }, ours, theirs)).toEqual([]);
    expect(await faultsOf({}, ours, theirs)).toEqual([{ path: 'theirs.txt', fault: 'theirs_dropped' }]);
  });

  it('takes no longer for many beginnings of markers', async () => {
    const many = `${'<<<<<<< x\n'.repeat(200_000)}end\n`;
    const started = Date.now();
    expect(await faultsOf({ ...GOOD, 'ours.txt': many })).toEqual([]);
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});

it.each([
  ['<', 'begins a conflict', '<<<<<<< HEAD\nours\n'],
  ['|', 'begins its base', 'ours\n||||||| base\n'],
  ['>', 'ends it', 'ours\n>>>>>>> theirs'],
  ['>', 'ends with CRLF', '>>>>>>> theirs\r\n'],
  ['', 'has no label, and may underline a heading', 'Title\n>>>>>>>\n||||||| \r\n'],
  ['>', 'is longer, as conflict-marker-size asks for it', `${'>'.repeat(32)} theirs\n`],
  ['', 'is the middle of a conflict, or the line under a heading', 'Title\n=======\n'],
  ['', 'is too short', '>>>>>> six\n'],
  ['', 'has something else at its beginning or at once after it', '<<<<<<<code\n <<<<<<< x\n'],
])('a leftover marker is (%s) where a line %s', (signs, _, text) => {
  expect([...leftoverMarkers(Buffer.from(text), [Buffer.from('ours\n')])].join('')).toBe(signs);
});
