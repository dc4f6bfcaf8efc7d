import { describe, expect, it } from 'vitest';
import { changedNames } from '../../src/git/changed-names.ts';
import { awkwardNames, snapshot } from './diff-support.ts';
import { Bench } from './support.ts';

const bench = new Bench();

async function namesBetween(...pairs: readonly (readonly [string, string])[]): Promise<string[][]> {
  const names = await changedNames(
    bench.repository,
    pairs.map(([before, after]) => ({ before, after })),
  );
  return names.map((found) => [...found].toSorted());
}

describe('the changed names', () => {
  it('are given for each pair, in the order they were asked for, whatever the parents are', async () => {
    const first = snapshot(bench, [['a', '1\n']]);
    const second = snapshot(bench, [
      ['a', '2\n'],
      ['b', '1\n'],
    ]);
    const merged = snapshot(
      bench,
      [
        ['a', '2\n'],
        ['c', '1\n'],
      ],
      [first, second],
    );
    expect(
      await namesBetween(
        [first, second],
        [second, second],
        [first, merged],
        [second, merged],
        [second, first],
      ),
    ).toEqual([['a', 'b'], [], ['a', 'c'], ['b', 'c'], ['a', 'b']]);
    expect(await namesBetween()).toEqual([]);
  });

  it('are both of a renamed file, and those that went', async () => {
    const text = 'one\ntwo\nthree\n';
    const before = snapshot(bench, [
      ['old', text],
      ['gone', 'x\n'],
    ]);
    expect(await namesBetween([before, snapshot(bench, [['new', text]])])).toEqual([['gone', 'new', 'old']]);
  });

  it('may be of any bytes, and look like an id or a letter of git', async () => {
    const empty = snapshot(bench, []);
    const names = [...awkwardNames, ...[empty, 'A', 'M'].map((name) => Buffer.from(name))];
    const full = snapshot(
      bench,
      names.map((name) => [name, 'x\n']),
    );
    expect(await namesBetween([empty, full], [full, empty])).toEqual(
      Array(2).fill(names.map((name) => name.toString('latin1')).toSorted()),
    );
  });

  it('are read of more pairs than one git compares', async () => {
    const first = snapshot(bench, [['a', '1\n']]);
    const second = snapshot(bench, [['a', '2\n']]);
    const pairs = Array.from({ length: 250 }, (_, at) =>
      at % 2 === 0 ? ([first, second] as const) : ([first, first] as const),
    );
    expect(await namesBetween(...pairs)).toEqual(pairs.map((_, at) => (at % 2 === 0 ? ['a'] : [])));
  });
});
