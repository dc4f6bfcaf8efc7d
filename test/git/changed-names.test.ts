import { describe, expect, it } from 'vitest';
import { changedNames } from '../../src/git/changed-names.ts';
import { commitsTouching } from '../../src/git/commits-touching.ts';
import { pathName } from '../../src/git/path-name.ts';
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

describe('the commits that touched files', () => {
  it('are found by names of any bytes, and by more names than an argument list takes', async () => {
    const own = new Bench();
    const base = snapshot(own, [['other', 'x\n']]);
    const commits: string[] = [];
    for (const [at] of awkwardNames.entries()) {
      const files = awkwardNames.slice(0, at + 1).map((name) => [name, 'x\n'] as const);
      commits.push(snapshot(own, [['other', 'x\n'], ...files], [commits.at(-1) ?? base]));
    }
    const range = { base, tip: commits.at(-1) ?? base };
    const touching = async (names: readonly Buffer[]) =>
      (await commitsTouching(own.repository, range, names.map(pathName), 100)).map(({ oid }) => oid);
    for (const [at, name] of awkwardNames.entries())
      expect(await touching([name]), pathName(name)).toEqual([commits[at]]);

    const many = Array.from({ length: 40_000 }, (_, at) => Buffer.from(`${'long/'.repeat(20)}${at}`));
    expect(await touching([...many, ...awkwardNames.slice(0, 1)])).toEqual(commits.slice(0, 1));
  });
});
