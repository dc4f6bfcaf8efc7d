import { describe, expect, it } from 'vitest';
import { emptyTree } from '../../src/git/empty-tree.ts';
import { fileAt, filesAt } from '../../src/git/file-at.ts';
import { excerpt } from '../../src/git/file-text.ts';
import { type GitCommand, type GitResult, GitRunner } from '../../src/git/git-runner.ts';
import { Repository } from '../../src/git/repository.ts';
import { awkwardNames, type File, numbered, snapshot } from './diff-support.ts';
import { Bench, git, gitWith } from './support.ts';

const bench = new Bench();
const submodule = '1'.repeat(40);

function blob(content: string | Buffer): string {
  return gitWith(bench.dir, {}, ['hash-object', '-w', '--stdin'], content);
}

describe('what a commit has at a path', () => {
  const commit = snapshot(bench, [
    ['top', 'text\n'],
    ['a/b/c', 'deep\n'],
    ['a/script', 'echo\n', '100755'],
    ['a/link', 'b/c', '120000'],
    ['a/module', submodule, '160000'],
    ['empty', ''],
  ]);
  const at = (path: string): ReturnType<typeof fileAt> => fileAt(bench.repository, commit, Buffer.from(path));

  it('is a file with its mode, its id and its size', async () => {
    expect(await at('top')).toEqual({ mode: '100644', blob: blob('text\n'), size: 5 });
    expect(await at('a/b/c')).toEqual({ mode: '100644', blob: blob('deep\n'), size: 5 });
    expect(await at('a/script')).toEqual({ mode: '100755', blob: blob('echo\n'), size: 5 });
    expect(await at('a/link')).toEqual({ mode: '120000', blob: blob('b/c'), size: 3 });
    expect(await at('a/module')).toEqual({ mode: '160000', blob: submodule, size: null });
    expect(await at('empty')).toEqual({ mode: '100644', blob: blob(''), size: 0 });
  });

  it.each([
    'a',
    'a/b',
    'none',
    'top/x',
    'none/x',
    'a/module/x',
    '',
    '/',
    '/top',
    'top/',
    'a//b',
    './top',
    'a/../top',
    '..',
    'a\0',
  ])('is nothing at %j', async (path) => {
    expect(await at(path)).toBeNull();
  });

  it('is nothing below a file, even one that reads like a folder', async () => {
    const own = snapshot(bench, [['top', Buffer.from(`100644 x\0${'1'.repeat(20)}`)]]);
    expect(await fileAt(bench.repository, own, Buffer.from('top/x'))).toBeNull();
  });

  it('is nothing in an empty tree, and a refusal for a commit that is not there', async () => {
    expect(await fileAt(bench.repository, emptyTree(commit), Buffer.from('top'))).toBeNull();
    await expect(fileAt(bench.repository, '9'.repeat(40), Buffer.from('top'))).rejects.toMatchObject({
      code: 'git_failed',
    });
    await expect(fileAt(bench.repository, 'HEAD', Buffer.from('top'))).rejects.toMatchObject({
      code: 'invalid_object_id',
    });
  });

  it('is a submodule also for a newer git, which does not call it missing', async () => {
    class Newer extends GitRunner {
      override async run(command: GitCommand): Promise<GitResult> {
        const result = await super.run(command);
        const told = result.stdout
          .toString('latin1')
          .replace(/^.*a\/module missing$/m, `${submodule} submodule`);
        expect(told).toContain(' submodule\n');
        return { ...result, stdout: Buffer.from(told, 'latin1') };
      }
    }
    const places = ['a/module', 'top'].map((path) => ({ commit, path: Buffer.from(path) }));
    expect(await filesAt(new Repository(bench.dir, new Newer()), places)).toEqual([
      { mode: '160000', blob: submodule, size: null },
      await at('top'),
    ]);
  });

  it('is found by any name, at the top and in a folder', async () => {
    const names = awkwardNames.flatMap((name) => [
      name,
      Buffer.concat([Buffer.from('folder\nof '), name, Buffer.from('/'), name]),
    ]);
    const all = snapshot(
      bench,
      names.map((name, index): File => [name, `${index}\n`]),
    );
    const found = await filesAt(
      bench.repository,
      names.flatMap((path) => [
        { commit: all, path: Buffer.concat([path, Buffer.from('!')]) },
        { commit: all, path },
      ]),
    );
    expect(found.map((entry) => entry?.blob ?? null)).toEqual(
      names.flatMap((_, index) => [null, blob(`${index}\n`)]),
    );
  });

  it('is the file also when its name ends like that of another object', async () => {
    const name = `notes-g${commit.slice(0, 10)}`;
    const own = snapshot(bench, [[name, 'text of the file\n']]);
    expect(await fileAt(bench.repository, own, Buffer.from(name))).toEqual({
      mode: '100644',
      blob: blob('text of the file\n'),
      size: 17,
    });
  });
});

describe('an excerpt', () => {
  it('has the lines of a place and around it, and says how many there are', async () => {
    const id = blob(numbered(1, 10));
    expect(await excerpt(bench.repository, id, 4, 5, 1)).toEqual({
      kind: 'text',
      lineCount: 10,
      encoding: 'utf-8',
      lines: [3, 4, 5, 6].map((line) => ({ line, text: `line ${line}` })),
    });
    const numbers = async (start: number, end: number, around: number): Promise<number[]> => {
      const found = await excerpt(bench.repository, id, start, end, around);
      return found.kind === 'text' ? found.lines.map(({ line }) => line) : [];
    };
    expect(await numbers(1, 1, 3)).toEqual([1, 2, 3, 4]);
    expect(await numbers(10, 10, 2)).toEqual([8, 9, 10]);
    expect(await numbers(11, 11, 0)).toEqual([]);
    expect(await numbers(12, 12, 2)).toEqual([10]);
  });

  it('counts lines as git does', async () => {
    const count = async (content: string): Promise<number | null> => {
      const found = await excerpt(bench.repository, blob(content), 1, 1, 0);
      return found.kind === 'text' ? found.lineCount : null;
    };
    expect(await count('')).toBe(0);
    expect(await count('\n')).toBe(1);
    expect(await count('a')).toBe(1);
    expect(await count('a\nb')).toBe(2);
    expect(await count('a\rb\fc\u2028d\r\n')).toBe(1);
    expect(await excerpt(bench.repository, blob('a\rb\fc\u2028d\r\n'), 1, 1, 0)).toMatchObject({
      lines: [{ line: 1, text: 'a\rb\fc\u2028d\r' }],
    });
  });

  it('says what can not be shown', async () => {
    const size = 3;
    expect(await excerpt(bench.repository, blob(Buffer.from([1, 0, 2])), 1, 1, 0)).toEqual({
      kind: 'binary',
      size,
    });
    expect(await excerpt(bench.repository, blob('abc'), 1, 1, 0, 2)).toEqual({ kind: 'too_large', size });
    const latin = blob(Buffer.from('a\ncaf\u00e9\n', 'latin1'));
    expect(await excerpt(bench.repository, latin, 2, 2, 0)).toMatchObject({
      encoding: 'unknown',
      lines: [{ line: 2, text: 'caf\ufffd' }],
    });
    expect(await excerpt(bench.repository, latin, 1, 1, 0)).toMatchObject({ encoding: 'utf-8' });
  });

  it('is of a file, and of nothing else', async () => {
    const commit = snapshot(bench, [['a', '1\n']]);
    for (const oid of ['9'.repeat(40), commit, git(bench.dir, 'rev-parse', `${commit}^{tree}`)])
      await expect(excerpt(bench.repository, oid, 1, 1, 0)).rejects.toMatchObject({ code: 'git_failed' });
  });
});
