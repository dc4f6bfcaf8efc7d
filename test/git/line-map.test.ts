import { describe, expect, it } from 'vitest';
import { carryLines, type LinePlace } from '../../src/git/carry-lines.ts';
import { fileDiff } from '../../src/git/file-diff.ts';
import { GitRunner } from '../../src/git/git-runner.ts';
import { type LineMap, lineMap } from '../../src/git/line-map.ts';
import { Repository } from '../../src/git/repository.ts';
import { Random } from '../machines/family/random.ts';
import { awkwardNames, type File, numbered, snapshot } from './diff-support.ts';
import { Bench } from './support.ts';

const bench = new Bench();
const seed = Date.now() % 1_000_000_007;
console.info(`line maps: seed ${seed}`);

async function mapOf(before: string, after: string, contextLines = 0): Promise<LineMap> {
  const [from, to] = [snapshot(bench, [['file', before]]), snapshot(bench, [['file', after]])];
  const paths = { path: Buffer.from('file'), oldPath: null };
  const diff = await fileDiff(bench.repository, from, to, paths, { contextLines });
  if (diff?.kind !== 'text') throw new Error('not a text');
  return lineMap(diff.hunks);
}

describe('a line map', () => {
  // 3 replaced by two, one put in after 6, 9 and 10 deleted.
  const before = numbered(1, 12);
  const after = before
    .replace('line 3\n', 'three\nand more\n')
    .replace('line 6\n', 'line 6\nnew\n')
    .replace('line 9\nline 10\n', '');

  it.each([0, 1, 3])(
    'leads each line to where it is now, from a diff with %i lines around',
    async (context) => {
      const map = await mapOf(before, after, context);
      expect(Array.from({ length: 12 }, (_, index) => map.line(index + 1))).toEqual([
        1,
        2,
        null,
        5,
        6,
        7,
        9,
        10,
        null,
        null,
        11,
        12,
      ]);
    },
  );

  it('leads a range only when all of it is there, and together', async () => {
    const map = await mapOf(before, after);
    expect(map.range(1, 2)).toEqual({ start: 1, end: 2 });
    expect(map.range(4, 6)).toEqual({ start: 5, end: 7 });
    expect(map.range(7, 8)).toEqual({ start: 9, end: 10 });
    expect(map.range(11, 12)).toEqual({ start: 11, end: 12 });
    for (const [start, end] of [
      [2, 3],
      [3, 4],
      [6, 7],
      [8, 11],
      [1, 12],
      [5, 4],
      [0, 1],
    ] as const)
      expect(map.range(start, end), `${start} to ${end}`).toBeNull();
  });

  it('without a hunk changes nothing', () => {
    expect(lineMap([]).range(3, 9)).toEqual({ start: 3, end: 9 });
  });

  it('knows lines at both ends of the file', async () => {
    const ends = await mapOf('a\nb\n', '0\na\nb\nc\n');
    expect([ends.line(1), ends.line(2), ends.range(1, 2)]).toEqual([2, 3, { start: 2, end: 3 }]);
    expect((await mapOf('a\nb\n', 'a\nb')).line(2)).toBeNull();
  });

  it('leads to the same text, in the same order, whatever was changed', async () => {
    const random = new Random(seed);
    for (let run = 0; run < 20; run++) {
      const old = Array.from({ length: 40 }, (_, index) => `${index} ${random.below(3)}`);
      const now = old.flatMap((line) => {
        if (random.chance(0.1)) return [];
        if (random.chance(0.1)) return [line, `new ${random.below(1_000)}`];
        return random.chance(0.1) ? [`${line}!`] : [line];
      });
      const map = await mapOf(`${old.join('\n')}\n`, `${now.join('\n')}\n`, random.below(3));
      // Every line of the file is another one: what is still there can only be in one place.
      for (const [index, line] of old.entries())
        expect(map.line(index + 1), line).toBe(now.includes(line) ? now.indexOf(line) + 1 : null);
      for (let start = 1; start <= old.length; start++) {
        const end = Math.min(old.length, start + random.below(4));
        const at = now.indexOf(old[start - 1] ?? '');
        const isWhole =
          at !== -1 && old.slice(start - 1, end).every((line, offset) => now[at + offset] === line);
        expect(map.range(start, end)).toEqual(isWhole ? { start: at + 1, end: at + 1 + end - start } : null);
      }
    }
  });
});

describe('lines that are carried to another commit', () => {
  async function carry(
    before: readonly File[],
    after: readonly File[],
    path: string | Buffer,
    startLine: number,
    line = startLine,
  ): Promise<LinePlace | null> {
    const [from, to] = [snapshot(bench, before), snapshot(bench, after)];
    return carryLines(bench.repository, from, to, { path: Buffer.from(path), startLine, line });
  }
  const place = (path: string | Buffer, startLine: number, line = startLine): LinePlace => ({
    path: Buffer.from(path),
    startLine,
    line,
  });

  it('move with what was put in above them', async () => {
    const moved = await carry([['a', numbered(1, 9)]], [['a', `0\n${numbered(1, 9)}`]], 'a', 4, 6);
    expect(moved).toEqual(place('a', 5, 7));
  });

  it('are lost when one of them was changed, and with their file', async () => {
    const before: File[] = [['a', numbered(1, 9)]];
    expect(await carry(before, [['a', numbered(1, 9).replace('line 5', 'x')]], 'a', 4, 6)).toBeNull();
    expect(await carry(before, [['b', 'something else\n']], 'a', 4)).toBeNull();
    expect(await carry(before, [['a/b', 'in a folder\n']], 'a', 4)).toBeNull();
    expect(await carry(before, before, 'none', 4)).toBeNull();
  });

  it('follow a renamed file, as it was and with changes', async () => {
    const before: File[] = [
      ['a', numbered(1, 20)],
      ['b', 'b\n'],
    ];
    expect(await carry(before, [['c', numbered(1, 20)]], 'a', 4)).toEqual(place('c', 4));
    const edited = `new\n${numbered(1, 20).replace('line 9\n', '')}`;
    expect(await carry(before, [['c', edited]], 'a', 4)).toEqual(place('c', 5));
    expect(await carry(before, [['c', edited]], 'a', 12)).toEqual(place('c', 12));
    expect(await carry(before, [['c', edited]], 'a', 9)).toBeNull();
  });

  it('of a file of the same content need one git, and no diff', async () => {
    const commands: string[] = [];
    class Counting extends GitRunner {
      override start(command: Parameters<GitRunner['start']>[0]): ReturnType<GitRunner['start']> {
        commands.push(command.args[0] ?? '');
        return super.start(command);
      }
    }
    const from = snapshot(bench, [['a', numbered(1, 9)]]);
    const to = snapshot(bench, [
      ['a', numbered(1, 9)],
      ['b', ''],
    ]);
    const repository = new Repository(bench.dir, new Counting());
    expect(await carryLines(repository, from, to, place('a', 3))).toEqual(place('a', 3));
    expect(commands).toEqual(['cat-file']);
  });

  it('have files of any name', async () => {
    const files = (extra: string): File[] =>
      awkwardNames.map((name, index) => [name, `${extra}${numbered(1, 5, `${index}`)}`]);
    const [from, to] = [snapshot(bench, files('')), snapshot(bench, files('new\n'))];
    for (const name of awkwardNames)
      expect(await carryLines(bench.repository, from, to, place(name, 2))).toEqual(place(name, 3));
  });

  it('are none in a binary file, a submodule and a file that is too large', async () => {
    const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
    expect(await carry([['a', Buffer.from([0, 1])]], [['a', Buffer.from([0, 2])]], 'a', 1)).toBeNull();
    expect(await carry([['a', one, '160000']], [['a', two, '160000']], 'a', 1)).toBeNull();
    expect(await carry([['a', one, '160000']], [['a', one, '160000']], 'a', 1)).toBeNull();
    const large = 'x\n'.repeat(3 * 1024 * 1024);
    expect(await carry([['a', 'x\n']], [['a', large]], 'a', 1)).toBeNull();
  });
});
