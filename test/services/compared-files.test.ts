import { expect, test } from 'vitest';
import { Project } from '../../src/db/entities/project.ts';
import { ComparedFiles } from '../../src/services/compared-files.ts';
import { snapshot } from '../git/diff-support.ts';
import { Bench } from '../git/support.ts';

test('what differs between two commits of a project is asked of git once, however many pages are read', async () => {
  const bench = new Bench();
  const [first, second] = [snapshot(bench, [['a', '1\n']]), snapshot(bench, [['a', '2\n']])];
  const asked: string[] = [];
  const files = new ComparedFiles({
    repository: (id) => {
      asked.push(id);
      return bench.repository;
    },
  });
  const compared = (id: string, from: string, to: string) => {
    const project = Object.assign(new Project(), { id, key: id });
    return files.of({ project, range: { from, to, includesBase: false }, without: null });
  };
  const once = await compared('api', first, second);
  expect(once.map(({ path }) => path.toString())).toEqual(['a']);
  expect(await compared('api', first, second)).toBe(once);
  expect(await compared('api', first, first)).toEqual([]);
  expect(asked).toEqual(['api']);

  await compared('web', first, second);
  await compared('api', second, first);
  expect(asked).toEqual(['api', 'web', 'api']);
});
