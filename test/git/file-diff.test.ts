import { describe, expect, it } from 'vitest';
import { changedFiles } from '../../src/git/changed-files.ts';
import { emptyTree } from '../../src/git/empty-tree.ts';
import { type FileDiff, fileDiff, type FileDiffOptions } from '../../src/git/file-diff.ts';
import type { Hunk } from '../../src/git/hunks.ts';
import { Random } from '../machines/family/random.ts';
import { awkwardNames, type File, numbered, snapshot } from './diff-support.ts';
import { Bench, git } from './support.ts';

const bench = new Bench();
const seed = Date.now() % 1_000_000_007;
console.info(`file diffs: seed ${seed}`);

type Content = string | Buffer;

/** The diff of one file with these contents; null: the side does not have it. */
function diffOf(
  before: Content | null,
  after: Content | null,
  options: FileDiffOptions = {},
): Promise<FileDiff | null> {
  const files = (content: Content | null): File[] => [
    ['other', 'o\n'],
    ...(content === null ? [] : [['file', content] satisfies File]),
  ];
  const paths = { path: Buffer.from('file'), oldPath: null };
  return fileDiff(
    bench.repository,
    snapshot(bench, files(before)),
    snapshot(bench, files(after)),
    paths,
    options,
  );
}

function hunksOf(diff: FileDiff | null): Hunk[] {
  if (diff?.kind !== 'text') throw new Error(`not a text: ${JSON.stringify(diff)}`);
  return diff.hunks;
}

/** As git prints it, with the line numbers of both sides. */
function printed(diff: FileDiff | null): string[] {
  return hunksOf(diff).flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@ ${hunk.heading}`,
    ...hunk.lines.map((line) => {
      const sign = { context: ' ', added: '+', deleted: '-' }[line.kind];
      return `${line.old ?? ''}:${line.new ?? ''}${sign}${line.text}${line.noNewline === true ? '<end>' : ''}`;
    }),
  ]);
}

/** The new content, made from the old one and the hunks. */
function applied(content: string, hunks: readonly Hunk[]): string {
  const old = content === '' ? [] : content.replace(/\n$/, '').split('\n');
  const result: string[] = [];
  let at = 0;
  let ends = content.endsWith('\n');
  for (const hunk of hunks) {
    const first = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    result.push(...old.slice(at, first));
    // A line that is left with others after it had its line feed: without context no line of the diff says so.
    if (at < first && first < old.length) ends = true;
    at = first + hunk.oldLines;
    for (const line of hunk.lines) {
      if (line.old !== null) expect(line.text).toBe(old[line.old - 1]);
      if (line.kind === 'deleted') continue;
      result.push(line.text);
      expect(line.new).toBe(result.length);
      ends = line.noNewline !== true;
    }
  }
  result.push(...old.slice(at));
  if (at < old.length) ends = content.endsWith('\n');
  return result.join('\n') + (result.length > 0 && ends ? '\n' : '');
}

describe('the diff of a file', () => {
  it('has hunks with line numbers and context', async () => {
    const text = `function first() {\n${numbered(2, 30)}`;
    const diff = await diffOf(text, text.replace('line 10\n', 'ten\nand more\n').replace('line 30\n', ''), {
      contextLines: 1,
    });
    expect(printed(diff)).toEqual([
      '@@ -9,3 +9,4 @@ line 8',
      '9:9 line 9',
      '10:-line 10',
      ':10+ten',
      ':11+and more',
      '11:12 line 11',
      '@@ -29,2 +30,1 @@ line 28',
      '29:30 line 29',
      '30:-line 30',
    ]);
    expect(printed(await diffOf('a\nb\n', 'a\nx\nb\n', { contextLines: 0 }))).toEqual([
      '@@ -1,0 +2,1 @@ a',
      ':2+x',
    ]);
  });

  it('of a file that only one side has is all of it', async () => {
    expect(printed(await diffOf(null, 'a\nb\n'))).toEqual(['@@ -0,0 +1,2 @@ ', ':1+a', ':2+b']);
    expect(printed(await diffOf('a\nb', null))).toEqual(['@@ -1,2 +0,0 @@ ', '1:-a', '2:-b<end>']);
    expect(printed(await diffOf(null, ''))).toEqual([]);
    expect(await diffOf(null, null)).toBeNull();
  });

  it('works for a file that becomes empty, in a repository without the empty file', async () => {
    const own = new Bench('own');
    const root = snapshot(own, [['file', 'a\n']]);
    const paths = { path: Buffer.from('file'), oldPath: null };
    expect(printed(await fileDiff(own.repository, emptyTree(root), root, paths))).toEqual([
      '@@ -0,0 +1,1 @@ ',
      ':1+a',
    ]);
    expect(printed(await diffOf('a\n', ''))).toEqual(['@@ -1,1 +0,0 @@ ', '1:-a']);
    expect(printed(await diffOf('', 'a\n'))).toEqual(['@@ -0,0 +1,1 @@ ', ':1+a']);
  });

  it('says on which side the last line has no end', async () => {
    expect(printed(await diffOf('a\nb', 'a\nb\n'))).toEqual([
      '@@ -1,2 +1,2 @@ ',
      '1:1 a',
      '2:-b<end>',
      ':2+b',
    ]);
    expect(printed(await diffOf('a\nb', 'A\nb'))).toEqual(['@@ -1,2 +1,2 @@ ', '1:-a', ':1+A', '2:2 b<end>']);
  });

  it('ends lines at a line feed and at nothing else', async () => {
    const line = 'a\rb\fc\u2028d\u0085e\v';
    expect(printed(await diffOf(`${line}\n`, `${line}!\r\n`))).toEqual([
      '@@ -1,1 +1,1 @@ ',
      `1:-${line}`,
      `:1+${line}!\r`,
    ]);
    expect(printed(await diffOf(null, `${line}\r\nx`))).toEqual([
      '@@ -0,0 +1,2 @@ ',
      `:1+${line}\r`,
      ':2+x<end>',
    ]);
  });

  it('shows that only the ends of lines have changed', async () => {
    expect(printed(await diffOf('a\r\nb\r\n', 'a\nb\r\n'))).toEqual([
      '@@ -1,2 +1,2 @@ ',
      '1:-a\r',
      ':1+a',
      '2:2 b\r',
    ]);
  });

  it('takes no line of content for one of its own', async () => {
    const before =
      '-- a/file\n++ b/file\n@@ -1 +1 @@\nBinary files a and b differ\n\\ No newline at end of file\n';
    expect(printed(await diffOf(before, `${before}diff --git a/x b/x\n`, { contextLines: 9 }))).toEqual([
      '@@ -1,5 +1,6 @@ ',
      '1:1 -- a/file',
      '2:2 ++ b/file',
      '3:3 @@ -1 +1 @@',
      '4:4 Binary files a and b differ',
      '5:5 \\ No newline at end of file',
      ':6+diff --git a/x b/x',
    ]);
    expect(hunksOf(await diffOf(before, 'Binary files a and b differ\n'))).toHaveLength(1);
  });

  it('replaces what is not UTF-8, and says so', async () => {
    const latin = Buffer.from('caf\u00e9\n', 'latin1');
    expect(await diffOf('cafe\n', latin)).toMatchObject({ kind: 'text', encoding: 'unknown' });
    expect(await diffOf(null, latin)).toMatchObject({ kind: 'text', encoding: 'unknown' });
    expect(printed(await diffOf('cafe\n', latin))).toContain(':1+caf\ufffd');
    expect(await diffOf('cafe\n', 'café\n')).toMatchObject({ kind: 'text', encoding: 'utf-8' });
    // A heading that git has cut in the middle of a letter is not the file's fault.
    const heading = `${'ü'.repeat(200)}\n${numbered(1, 20)}`;
    const cut = await diffOf(`a${heading}`, `a${heading.replace('line 20', 'x')}`);
    expect(cut).toMatchObject({ kind: 'text', encoding: 'utf-8' });
  });

  it('of a binary file has sizes', async () => {
    const bytes = Buffer.from([1, 0, 2]);
    expect(await diffOf(bytes, Buffer.from([1, 0]))).toEqual({ kind: 'binary', oldSize: 3, newSize: 2 });
    expect(await diffOf(null, bytes)).toEqual({ kind: 'binary', oldSize: null, newSize: 3 });
    expect(await diffOf(bytes, null)).toEqual({ kind: 'binary', oldSize: 3, newSize: null });
    expect(await diffOf('text\n', bytes)).toEqual({ kind: 'binary', oldSize: 5, newSize: 3 });
  });

  it('of a submodule has commits', async () => {
    const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
    const at = (files: File[]): string => snapshot(bench, files);
    const paths = { path: Buffer.from('m'), oldPath: null };
    const diff = (from: File[], to: File[]): Promise<FileDiff | null> =>
      fileDiff(bench.repository, at(from), at(to), paths);
    const kind = 'submodule';
    expect(await diff([['m', one, '160000']], [['m', two, '160000']])).toEqual({ kind, old: one, new: two });
    expect(await diff([], [['m', two, '160000']])).toEqual({ kind, old: null, new: two });
    expect(await diff([['m', 'text\n']], [['m', two, '160000']])).toEqual({ kind, old: null, new: two });
  });

  it('of a link is that of its target, and of a mode alone is nothing', async () => {
    const paths = { path: Buffer.from('link'), oldPath: null };
    const one = snapshot(bench, [['link', 'one', '120000']]);
    const two = snapshot(bench, [['link', 'two', '120000']]);
    const script = snapshot(bench, [['link', 'two', '100755']]);
    expect(printed(await fileDiff(bench.repository, one, two, paths))).toEqual([
      '@@ -1,1 +1,1 @@ ',
      '1:-one<end>',
      ':1+two<end>',
    ]);
    expect(printed(await fileDiff(bench.repository, two, script, paths))).toEqual([]);
  });

  it('of a file in place of a folder is all of it', async () => {
    const file = snapshot(bench, [['a', 'text\n']]);
    const folder = snapshot(bench, [['a/b', 'inner\n']]);
    const diff = (path: string): Promise<FileDiff | null> =>
      fileDiff(bench.repository, file, folder, { path: Buffer.from(path), oldPath: null });
    expect(printed(await diff('a'))).toEqual(['@@ -1,1 +0,0 @@ ', '1:-text']);
    expect(printed(await diff('a/b'))).toEqual(['@@ -0,0 +1,1 @@ ', ':1+inner']);
  });

  it('follows a rename, and reads any name', async () => {
    const before = snapshot(
      bench,
      awkwardNames.map((name, index): File => [name, numbered(1, 9, `${index}`)]),
    );
    const after = snapshot(
      bench,
      awkwardNames.map((name, index): File => {
        const path = Buffer.concat([Buffer.from('in/'), name]);
        return [path, `${numbered(1, 9, `${index}`)}more\n`];
      }),
    );
    const files = await changedFiles(bench.repository, before, after);
    expect(files).toHaveLength(awkwardNames.length);
    for (const file of files) {
      const diff = await fileDiff(bench.repository, before, after, file, { contextLines: 0 });
      expect(hunksOf(diff).flatMap((hunk) => hunk.lines)).toEqual([
        { kind: 'added', old: null, new: 10, text: 'more' },
      ]);
    }
  });

  it('of ten thousand changed lines is whole, and there in seconds', async () => {
    const started = performance.now();
    const diff = await diffOf(numbered(1, 10_000, 'old'), numbered(1, 10_000, 'new'));
    const [hunk] = hunksOf(diff);
    expect(hunk?.lines).toHaveLength(20_000);
    expect(hunk?.lines.at(-1)).toEqual({ kind: 'added', old: null, new: 10_000, text: 'new 10000' });
    expect(hunksOf(await diffOf(null, numbered(1, 10_000)))[0]?.lines).toHaveLength(10_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('of a file that is too large is not made', async () => {
    const large = 'x'.repeat(1_001);
    const options = { maxBytes: 1_000 };
    expect(await diffOf('a', large, options)).toEqual({ kind: 'too_large', oldSize: 1, newSize: 1_001 });
    expect(await diffOf(large, null, options)).toEqual({ kind: 'too_large', oldSize: 1_001, newSize: null });
    expect(await diffOf('a', 'x'.repeat(1_000), options)).toMatchObject({ kind: 'text' });
    const lines = { maxLines: 100 };
    expect(await diffOf('', '\n'.repeat(200), lines)).toMatchObject({ kind: 'too_large' });
    expect(await diffOf(null, '\n'.repeat(200), lines)).toMatchObject({ kind: 'too_large' });
  });

  it('is the same whatever the config of the repository says', async () => {
    const own = new Bench('configured');
    // A blank line of context, and lines that algorithms pair in different ways.
    const text = `a\nc\nd\ne\nd\nd\nd\ne\n${numbered(1, 30)}`.replace('line 9\n', '\n');
    const changed = text.replace('a\nc\nd\ne\nd\nd\nd\ne\n', 'd\nb\nc\na\na\nb\nd\nb\n');
    const before = snapshot(own, [['file', text]]);
    const after = snapshot(own, [['file', changed.replace('line 8\n', '').replace('line 22\n', '')]]);
    const paths = { path: Buffer.from('file'), oldPath: null };
    const plain = await fileDiff(own.repository, before, after, paths);
    for (const [key, value] of [
      ['diff.context', '1'],
      ['diff.interHunkContext', '50'],
      ['diff.algorithm', 'patience'],
      ['diff.external', 'false'],
      ['diff.noprefix', 'true'],
      ['diff.mnemonicPrefix', 'true'],
      ['diff.suppressBlankEmpty', 'true'],
      ['diff.default.binary', 'true'],
      ['diff.wsErrorHighlight', 'all'],
      ['color.ui', 'always'],
      ['color.diff', 'always'],
      ['diff.colorMoved', 'zebra'],
      ['diff.wordRegex', '.'],
      ['diff.relative', 'true'],
    ])
      git(own.dir, 'config', key ?? '', value ?? '');
    expect(printed(plain)).toContain('17:16 ');
    expect(hunksOf(plain)).toHaveLength(3);
    expect(await fileDiff(own.repository, before, after, paths)).toEqual(plain);
  });

  it('leads from the old content to the new one, whatever they are', async () => {
    const random = new Random(seed);
    const words = ['', 'a', 'b', ' a', 'a ', '-', '+', '\\', '@@ -1 +1 @@', '\r', 'ü', '\u2028'];
    const content = (): string => {
      const lines = Array.from({ length: random.below(30) }, () => random.pick(words));
      return lines.join('\n') + (lines.at(-1) !== '' && random.chance(0.7) ? '\n' : '');
    };
    const pairs = Array.from({ length: 40 }, () => ({ before: content(), after: content() }));
    // Without context its last line is in no hunk.
    pairs.push({ before: 'b\na\nb\nü', after: 'a\n' });
    const files = (side: 'before' | 'after'): File[] =>
      pairs.map((pair, index) => [`file-${index}`, pair[side]]);
    const [from, to] = [snapshot(bench, files('before')), snapshot(bench, files('after'))];
    for (const [index, { before, after }] of pairs.entries()) {
      const paths = { path: Buffer.from(`file-${index}`), oldPath: null };
      const diff = await fileDiff(bench.repository, from, to, paths, { contextLines: index % 4 });
      expect(applied(before, hunksOf(diff)), JSON.stringify({ before, after })).toBe(after);
    }
  });
});
