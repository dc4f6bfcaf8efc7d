import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { emptyTree } from '../../src/git/empty-tree.ts';
import { GitRunner } from '../../src/git/git-runner.ts';
import { PatchDigest } from '../../src/git/patch-digest.ts';
import { patchId } from '../../src/git/patch-id.ts';
import { Repository } from '../../src/git/repository.ts';
import { Random } from '../machines/family/random.ts';
import { somebodysGit } from '../support/git-environment.ts';
import { awkwardNames, type File, numbered, snapshot } from './diff-support.ts';
import { Bench, git } from './support.ts';

const bench = new Bench();

/** The id of a change on top of a base. */
function idOf(before: readonly File[], after: readonly File[]): Promise<string | null> {
  const base = snapshot(bench, before);
  return patchId(bench.repository, base, snapshot(bench, after, [base]));
}

const text = numbered(1, 40);
const python = 'if ready:\n    prepare()\n    go()\n';

/** Changes of which every two are different. */
const different: Readonly<Record<string, readonly [before: File[], after: File[]]>> = {
  'a line': [[['a', text]], [['a', text.replace('line 20\n', 'twenty\n')]]],
  'the same with a blank at its end': [[['a', text]], [['a', text.replace('line 20\n', 'twenty \n')]]],
  'the same with another end of line': [[['a', text]], [['a', text.replace('line 20\n', 'twenty\r\n')]]],
  'the same with an empty line': [[['a', text]], [['a', text.replace('line 20\n', 'twenty\n\n')]]],
  'the same at another place': [[['a', text]], [['a', text.replace('line 21\n', 'twenty\n')]]],
  'the same in another file': [[['b', text]], [['b', text.replace('line 20\n', 'twenty\n')]]],
  'a call in its block': [[['x.py', python]], [['x.py', `${python}    stop()\n`]]],
  'a call out of its block': [[['x.py', python]], [['x.py', `${python}stop()\n`]]],
  'no end of the last line': [[['a', 'x\n']], [['a', 'x']]],
  'an end of the last line': [[['a', 'x']], [['a', 'x\n']]],
  'an added file': [[], [['n', 'text\n']]],
  'an added empty file': [[], [['n', '']]],
  'a deleted file': [[['n', 'text\n']], []],
  'a program': [[['n', 'text\n']], [['n', 'text\n', '100755']]],
  'no program': [[['n', 'text\n', '100755']], [['n', 'text\n']]],
  'an added program': [[], [['n', 'text\n', '100755']]],
  'a link': [[], [['n', 'text\n', '120000']]],
  'a renamed file': [[['a', text]], [['b', text]]],
  'a binary file': [[['a', Buffer.from([0, 1])]], [['a', Buffer.from([0, 2])]]],
  'the same from another one': [[['a', Buffer.from([0, 9])]], [['a', Buffer.from([0, 2])]]],
  'the same to another one': [[['a', Buffer.from([0, 1])]], [['a', Buffer.from([0, 3])]]],
  'a submodule': [[], [['m', '1'.repeat(40), '160000']]],
  'another submodule': [[], [['m', '2'.repeat(40), '160000']]],
  'lines that look like a patch': [[['a', '- a\n']], [['a', '- a\n@@ -1 +1 @@\nindex 1..2\n']]],
  'other lines that look like a patch': [[['a', '- a\n']], [['a', '- a\n@@ -2 +2 @@\nindex 1..2\n']]],
  'more lines that look like a patch': [[['a', '- a\n']], [['a', '- a\n@@ -1 +1 @@\nindex 1..3\n']]],
};

describe('the id of a patch', () => {
  it('is another one for everything that counts', async () => {
    const ids = new Map<string | null, string>([[null, 'nothing']]);
    for (const [name, [before, after]] of Object.entries(different)) {
      const id = await idOf(before, after);
      expect(ids.get(id), `${name} is like`).toBeUndefined();
      ids.set(id, name);
    }
  });

  it('stays when only the base has moved', async () => {
    const change = (content: string): string => content.replace('line 20\n', 'twenty\n');
    const base = snapshot(bench, [['a', text]]);
    const head = snapshot(bench, [['a', change(text)]], [base]);
    const id = await patchId(bench.repository, base, head);
    // Somebody else put lines in above, and a function whose name git prints beside the hunk.
    const others = `other()\n${text.replace('line 1\n', 'function other() {\n')}`;
    const moved = snapshot(
      bench,
      [
        ['a', others],
        ['b', 'new\n'],
      ],
      [base],
    );
    expect(await patchId(bench.repository, moved, head)).toBe(id);
    const files: File[] = [
      ['a', change(others)],
      ['b', 'new\n'],
    ];
    const merged = snapshot(bench, files, [head, moved]);
    expect(await patchId(bench.repository, moved, merged)).toBe(id);
    expect(await patchId(bench.repository, moved, snapshot(bench, files, [moved]))).toBe(id);
  });

  it('does not depend on the commits that lead there', async () => {
    const base = snapshot(bench, [['a', text]]);
    const both = text.replace('line 2\n', 'two\n').replace('line 30\n', 'thirty\n');
    const heads = ['line 2\n', 'line 30\n'].map((line) => {
      const first = snapshot(
        bench,
        [['a', text.replace(line, line === 'line 2\n' ? 'two\n' : 'thirty\n')]],
        [base],
      );
      return snapshot(bench, [['a', both]], [first]);
    });
    const [one, other] = await Promise.all(heads.map((head) => patchId(bench.repository, base, head)));
    expect(one).toBe(other);
    expect(await patchId(bench.repository, base, snapshot(bench, [['a', both]], [base]))).toBe(one);
  });

  it('is null when nothing is changed', async () => {
    const base = snapshot(bench, [['a', text]]);
    const back = snapshot(bench, [['a', text]], [snapshot(bench, [['a', 'x\n']], [base])]);
    expect(await patchId(bench.repository, base, base)).toBeNull();
    expect(await patchId(bench.repository, base, back)).toBeNull();
    expect(await patchId(bench.repository, back, base)).toBeNull();
  });

  it('is that of everything when the histories are unrelated', async () => {
    const base = snapshot(bench, [['a', text]]);
    const head = snapshot(bench, [['b', text]]);
    const nothing = snapshot(bench, []);
    const rooted = snapshot(bench, [['b', text]], [nothing]);
    expect(await patchId(bench.repository, base, head)).toBe(
      await patchId(bench.repository, nothing, rooted),
    );
  });

  it('reads any name', async () => {
    const ids = await Promise.all(awkwardNames.map((name) => idOf([], [[name, 'x\n']])));
    expect(new Set(ids).size).toBe(awkwardNames.length);
    expect(ids).not.toContain(null);
  });

  it('is there for a patch larger than what is kept of any answer', async () => {
    const small = new Repository(bench.dir, new GitRunner({ maxStdoutBytes: 1_000 }));
    const base = snapshot(bench, [['a', '']]);
    const head = snapshot(bench, [['a', numbered(1, 10_000)]], [base]);
    const other = snapshot(bench, [['a', numbered(1, 10_000).replace('line 9999', 'line x')]], [base]);
    const id = await patchId(small, base, head);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await patchId(small, base, other)).not.toBe(id);
  });

  it('is the same whatever the config of the repository says', async () => {
    const own = new Bench('configured');
    // A blank line of context, and lines that algorithms pair in different ways.
    const blank = text.replace('line 19\n', '\n');
    const before: File[] = [
      ['a', blank],
      ['b', 'a\nc\nd\ne\nd\nd\nd\ne\n'],
    ];
    const after: File[] = [
      ['a', blank.replace('line 20\n', 'twenty\n')],
      ['b', 'd\nb\nc\na\na\nb\nd\nb\n'],
    ];
    const base = snapshot(own, before);
    const head = snapshot(own, after, [base]);
    const id = await patchId(own.repository, base, head);
    for (const [key, value] of [
      ['diff.suppressBlankEmpty', 'true'],
      ['diff.default.binary', 'true'],
      ['diff.context', '1'],
      ['diff.noprefix', 'true'],
      ['diff.algorithm', 'patience'],
      ['color.ui', 'always'],
    ])
      git(own.dir, 'config', key ?? '', value ?? '');
    expect(await patchId(own.repository, base, head)).toBe(id);
    expect(id).toBe(await idOf(before, after));
  });

  it("takes for the same what git's own verbatim id takes for the same, where git has it", async ({
    skip,
  }) => {
    const [, major, minor] = /(\d+)\.(\d+)/.exec(git(bench.dir, '--version')) ?? [];
    if (Number(major) === 2 && Number(minor) < 39) skip();
    const below = `0\n${text}`;
    const all: typeof different = {
      ...different,
      'a line, further down': [[['a', below]], [['a', below.replace('line 20\n', 'twenty\n')]]],
    };
    const [own, gits] = [new Map<string, string[]>(), new Map<string, string[]>()];
    const note = (ids: Map<string, string[]>, id: string, name: string): void => {
      ids.set(id, [...(ids.get(id) ?? []), name]);
    };
    for (const [name, [before, after]] of Object.entries(all)) {
      const from = snapshot(bench, before);
      const to = snapshot(bench, after, [from]);
      const args = ['diff-tree', '-r', '-p', '--full-index', '--binary', '--no-renames', from, to];
      const input = execFileSync('git', args, { cwd: bench.dir, env: somebodysGit(bench.dir) });
      const id = execFileSync('git', ['patch-id', '--verbatim'], { input }).toString().slice(0, 40);
      note(gits, id, name);
      note(own, (await patchId(bench.repository, from, to)) ?? '', name);
    }
    expect([...own.values()]).toEqual([...gits.values()]);
    expect([...own.values()].filter((names) => names.length > 1)).toEqual([
      ['a line', 'a line, further down'],
    ]);
  });
});

describe('the digest of a patch', () => {
  it('does not depend on how the patch arrives', () => {
    const random = new Random(1);
    const base = snapshot(bench, [
      ['a', text],
      ['b', Buffer.from([0, 1])],
    ]);
    const head = snapshot(bench, [
      ['a', text.replace('line 20\n', `${'long '.repeat(200)}\n`)],
      ['b', Buffer.from([0, 2])],
      ['c', 'no end'],
    ]);
    const patch = execFileSync('git', ['diff-tree', '-r', '-p', '--full-index', base, head], {
      cwd: bench.dir,
      env: somebodysGit(bench.dir),
    });
    const digestOf = (size: () => number): string | null => {
      const digest = new PatchDigest();
      for (let at = 0; at < patch.length;) {
        const end = at + size();
        digest.write(patch.subarray(at, end));
        at = end;
      }
      return digest.digest();
    };
    const whole = digestOf(() => patch.length);
    expect(whole).not.toBeNull();
    expect(digestOf(() => 1)).toBe(whole);
    for (let run = 0; run < 50; run++) expect(digestOf(() => 1 + random.below(300))).toBe(whole);
  });

  it('is null of nothing', () => {
    expect(new PatchDigest().digest()).toBeNull();
    expect(emptyTree('a'.repeat(64))).toHaveLength(64);
  });
});
