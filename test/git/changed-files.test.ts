import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChangedFile, changedFiles } from '../../src/git/changed-files.ts';
import { emptyTree } from '../../src/git/empty-tree.ts';
import { awkwardNames, type File, numbered, snapshot } from './diff-support.ts';
import { Bench, git } from './support.ts';

const bench = new Bench();

function compare(before: readonly File[], after: readonly File[]): Promise<ChangedFile[]> {
  return changedFiles(bench.repository, snapshot(bench, before), snapshot(bench, after));
}

/** What a list of files shows of them. */
function summary(files: readonly ChangedFile[]): string[] {
  return files.map((file) => {
    const from = file.oldPath === null ? '' : `${file.oldPath.toString()} => `;
    const lines = `${file.additions ?? '-'}/${file.deletions ?? '-'}`;
    const kind = `${file.binary ? ' binary' : ''}${file.submodule ? ' submodule' : ''}`;
    return `${file.status} ${from}${file.path.toString()} ${file.oldMode ?? '-'} ${file.newMode ?? '-'} ${lines}${kind}`;
  });
}

describe('the changed files', () => {
  it('are those that were added, deleted and modified, with their lines', async () => {
    const files = await compare(
      [
        ['kept', 'same\n'],
        ['gone', 'a\nb\n'],
        ['edited', 'a\nb\nc\n'],
      ],
      [
        ['kept', 'same\n'],
        ['new', 'one\ntwo'],
        ['edited', 'a\nB\nc\nd\n'],
        ['empty', ''],
      ],
    );
    expect(summary(files)).toEqual([
      'modified edited 100644 100644 2/1',
      'added empty - 100644 0/0',
      'deleted gone 100644 - 0/2',
      'added new - 100644 2/0',
    ]);
    expect(files.map((file) => [file.oldBlob === null, file.newBlob === null])).toEqual([
      [false, false],
      [true, false],
      [false, true],
      [true, false],
    ]);
  });

  it('are followed through renames, with and without an edit', async () => {
    const files = await compare(
      [
        ['plain', numbered(1, 20)],
        ['src/edited', numbered(1, 20, 'other')],
      ],
      [
        ['a/moved', numbered(1, 20)],
        ['z', `${numbered(1, 19, 'other')}changed\n`],
      ],
    );
    expect(summary(files)).toEqual([
      'renamed plain => a/moved 100644 100644 0/0',
      'renamed src/edited => z 100644 100644 1/1',
    ]);
    expect(files[0]?.oldBlob).toBe(files[0]?.newBlob);
    expect(files[1]?.oldBlob).not.toBe(files[1]?.newBlob);
  });

  it('do not take one empty file for another', async () => {
    expect(summary(await compare([['a', '']], [['b', '']]))).toEqual([
      'deleted a 100644 - 0/0',
      'added b - 100644 0/0',
    ]);
  });

  it('say what is binary, a mode, a link, a submodule', async () => {
    const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
    const files = await compare(
      [
        ['binary', Buffer.from([1, 0, 2])],
        ['link', 'target', '120000'],
        ['module', one, '160000'],
        ['script', 'echo\n'],
        ['becomes-link', 'text\n'],
        ['becomes-module', 'text\n'],
      ],
      [
        ['binary', Buffer.from([1, 0, 3])],
        ['link', 'elsewhere', '120000'],
        ['module', two, '160000'],
        ['script', 'echo\n', '100755'],
        ['becomes-link', 'text', '120000'],
        ['becomes-module', one, '160000'],
      ],
    );
    expect(summary(files)).toEqual([
      'type_changed becomes-link 100644 120000 1/1',
      'type_changed becomes-module 100644 160000 -/- submodule',
      'modified binary 100644 100644 -/- binary',
      'modified link 120000 120000 1/1',
      'modified module 160000 160000 -/- submodule',
      'modified script 100644 100755 0/0',
    ]);
    expect([files[4]?.oldBlob, files[4]?.newBlob]).toEqual([one, two]);
  });

  it('show a file that became a folder, and a folder that became a file', async () => {
    const files = await compare(
      [
        ['a', 'file\n'],
        ['b/c', 'in a folder\n'],
      ],
      [
        ['a/b', 'other\n'],
        ['b', 'now a file\n'],
      ],
    );
    expect(summary(files)).toEqual([
      'deleted a 100644 - 0/1',
      'added a/b - 100644 1/0',
      'added b - 100644 1/0',
      'deleted b/c 100644 - 0/1',
    ]);
  });

  it('have any name that git can store, before and after', async () => {
    const named = (suffix: string, text: string): File[] =>
      awkwardNames.map((name, index) => [
        Buffer.concat([name, Buffer.from(suffix)]),
        `${numbered(1, 10, `file ${index}`)}${text}`,
      ]);
    const added = await compare([], named('', ''));
    const sorted = awkwardNames.toSorted((left, right) => Buffer.compare(left, right));
    expect(added.map((file) => file.path.toString('hex'))).toEqual(
      sorted.map((name) => name.toString('hex')),
    );
    const renamed = await compare(named('', ''), named('.new', 'more\n'));
    expect(renamed.map((file) => [file.status, file.additions, file.path.toString('hex')])).toEqual(
      sorted.map((name) => ['renamed', 1, `${name.toString('hex')}${Buffer.from('.new').toString('hex')}`]),
    );
    expect(
      renamed.map((file) => `${file.oldPath?.toString('hex')}${Buffer.from('.new').toString('hex')}`),
    ).toEqual(renamed.map((file) => file.path.toString('hex')));
  });

  it('can be compared with nothing, with another history, and with a tree', async () => {
    const root = snapshot(bench, [['a', '1\n']]);
    const other = snapshot(bench, [['b', 'something else\n']]);
    expect(summary(await changedFiles(bench.repository, emptyTree(root), root))).toEqual([
      'added a - 100644 1/0',
    ]);
    expect(summary(await changedFiles(bench.repository, root, other))).toEqual([
      'deleted a 100644 - 0/1',
      'added b - 100644 1/0',
    ]);
    const tree = git(bench.dir, 'rev-parse', `${other}^{tree}`);
    expect(await changedFiles(bench.repository, tree, other)).toEqual([]);
  });

  it('are the same whatever the config of the repository and attributes say', async () => {
    const own = new Bench('configured');
    const attributes = '*.md -diff\n*.txt diff=other\n';
    const before = snapshot(own, [
      ['.gitattributes', attributes],
      ['a.txt', numbered(1, 20)],
      ['b.md', '1\n'],
      ['c', '1\n'],
      ['d.txt', '1\n'],
    ]);
    const after = snapshot(own, [
      ['.gitattributes', attributes],
      ['a.md', numbered(1, 21)],
      ['b.md', '2\n'],
      ['c', '2\n'],
      ['d.txt', '2\n'],
    ]);
    git(own.dir, 'symbolic-ref', 'HEAD', git(own.dir, 'for-each-ref', '--format=%(refname)', '--count=1'));
    const home = join(own.dir, 'home');
    mkdirSync(home);
    writeFileSync(join(home, 'attributes'), attributes);
    for (const [key, value] of [
      ['core.attributesFile', join(home, 'attributes')],
      ['diff.renames', 'false'],
      ['diff.renameLimit', '1'],
      ['diff.external', 'false'],
      ['diff.noprefix', 'true'],
      ['diff.default.binary', 'true'],
      ['diff.other.textconv', 'false'],
      ['diff.other.command', 'false'],
      ['attr.tree', 'HEAD'],
      ['core.bigFileThreshold', '1'],
    ])
      git(own.dir, 'config', key ?? '', value ?? '');
    expect(summary(await changedFiles(own.repository, before, after))).toEqual([
      'renamed a.txt => a.md 100644 100644 1/0',
      'modified b.md 100644 100644 1/1',
      'modified c 100644 100644 1/1',
      'modified d.txt 100644 100644 1/1',
    ]);
  });

  it('take ids only', async () => {
    const root = snapshot(bench, [['a', '1\n']]);
    await expect(changedFiles(bench.repository, root, '--output=x')).rejects.toMatchObject({
      code: 'invalid_object_id',
    });
  });
});
