import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MergeEngine } from '../../src/git/merge-engine.ts';
import { Bench, git, gitWith } from './support.ts';

/** An engine that can not say what did merge says null. */
const isTreeOrNull = (tree: unknown): boolean =>
  tree === null || (typeof tree === 'string' && /^[0-9a-f]{40}$/.test(tree));

export interface EngineTraits {
  /** Reports a file added to a folder that the other side renamed, instead of leaving it in the old place. */
  reportsDirectoryRenames: boolean;
  /** Lets the target's `.gitattributes` count in a bare repository. */
  readsAttributes: boolean;
}

/** What every merge engine must do; run against each one that is installed. */
export function mergeEngineContract(
  name: string,
  load: () => Promise<MergeEngine>,
  traits: EngineTraits,
): void {
  describe(`the merge engine ${name}`, () => {
    const base = { 'a.txt': 'one\ntwo\nthree\n', 'dir/b.txt': 'b\n' };

    function fork(
      ours: Record<string, string | Buffer | null>,
      theirs: Record<string, string | Buffer | null>,
      from: Record<string, string | Buffer> = base,
    ) {
      const bench = new Bench();
      const root = bench.commit('refs/heads/base', null, from);
      return {
        bench,
        ours: bench.commit('refs/heads/ours', root, ours),
        theirs: bench.commit('refs/heads/theirs', root, theirs),
      };
    }

    it('merges changes to different files', async () => {
      const { bench, ours, theirs } = fork({ 'a.txt': 'one\nours\nthree\n' }, { 'dir/b.txt': 'theirs\n' });
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      expect(
        merged.clean && [bench.show(merged.tree, 'a.txt'), bench.show(merged.tree, 'dir/b.txt')],
      ).toEqual(['one\nours\nthree', 'theirs']);
    });

    it('merges a side that contains the other into that side', async () => {
      const bench = new Bench();
      const ours = bench.commit('refs/heads/ours', null, base);
      const theirs = bench.commit('refs/heads/theirs', ours, { 'a.txt': 'new\n' });
      expect(await (await load()).merge(bench.repository, ours, theirs)).toEqual({
        clean: true,
        tree: git(bench.dir, 'rev-parse', `${theirs}^{tree}`),
      });
    });

    it('reports a content conflict with its three stages', async () => {
      const { bench, ours, theirs } = fork(
        { 'a.txt': 'one\nours\nthree\n' },
        { 'a.txt': 'one\ntheirs\nthree\n' },
      );
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      const oid = (ref: string) => ({ mode: '100644', oid: git(bench.dir, 'rev-parse', `${ref}:a.txt`) });
      expect(merged).toEqual({
        clean: false,
        tree: expect.toSatisfy(isTreeOrNull, 'a tree, or null') as unknown,
        conflicts: [
          {
            path: 'a.txt',
            type: 'CONFLICT (contents)',
            message: expect.stringContaining('Merge conflict in a.txt'),
            stages: { 1: oid('refs/heads/base'), 2: oid(ours), 3: oid(theirs) },
          },
        ],
      });
    });

    it('reports a file that both sides added', async () => {
      const { bench, ours, theirs } = fork({ 'new.txt': 'ours\n' }, { 'new.txt': 'theirs\n' });
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      expect(merged).toMatchObject({
        clean: false,
        conflicts: [{ path: 'new.txt', stages: { 2: expect.anything(), 3: expect.anything() } }],
      });
      expect(!merged.clean && merged.conflicts[0]?.stages[1]).toBeUndefined();
    });

    it('reports a file that one side deleted and the other changed', async () => {
      const { bench, ours, theirs } = fork({ 'a.txt': null }, { 'a.txt': 'one\ntheirs\nthree\n' });
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      expect(merged).toMatchObject({
        clean: false,
        conflicts: [
          {
            path: 'a.txt',
            type: 'CONFLICT (modify/delete)',
            stages: { 1: expect.anything(), 3: expect.anything() },
          },
        ],
      });
    });

    it('names every conflict, not only the first', async () => {
      const { bench, ours, theirs } = fork(
        { 'a.txt': 'ours\n', 'dir/b.txt': 'ours\n' },
        { 'a.txt': 'theirs\n', 'dir/b.txt': 'theirs\n' },
      );
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      expect(!merged.clean && merged.conflicts.map(({ path }) => path).toSorted()).toEqual([
        'a.txt',
        'dir/b.txt',
      ]);
    });

    it('throws for unrelated histories', async () => {
      const bench = new Bench();
      const [ours, theirs] = [
        bench.commit('refs/heads/ours', null, base),
        bench.commit('refs/heads/theirs', null, { 'c.txt': 'c\n' }),
      ];
      await expect((await load()).merge(bench.repository, ours, theirs)).rejects.toMatchObject({
        code: 'git_failed',
      });
    });

    it('throws for a commit that is not there', async () => {
      const bench = new Bench();
      const ours = bench.commit('refs/heads/ours', null, base);
      await expect((await load()).merge(bench.repository, ours, '3'.repeat(40))).rejects.toThrow();
    });

    it.each(['base', 'ours', 'theirs'])('throws when the tree of %s can not be read', async (side) => {
      const { bench, ours, theirs } = fork({ 'c.txt': 'ours\n' }, { 'd.txt': 'theirs\n' });
      const tree = git(bench.dir, 'rev-parse', `refs/heads/${side}^{tree}`);
      rmSync(join(bench.dir, 'objects', tree.slice(0, 2), tree.slice(2)));
      await expect((await load()).merge(bench.repository, ours, theirs)).rejects.toMatchObject({
        code: 'git_failed',
      });
    });

    it('throws when the tree of a folder can not be read', async () => {
      const { bench, ours, theirs } = fork({ 'dir/c.txt': 'ours\n' }, { 'dir/d.txt': 'theirs\n' });
      const tree = git(bench.dir, 'rev-parse', 'refs/heads/theirs:dir');
      rmSync(join(bench.dir, 'objects', tree.slice(0, 2), tree.slice(2)));
      await expect((await load()).merge(bench.repository, ours, theirs)).rejects.toMatchObject({
        code: 'git_failed',
      });
    });

    it('throws when a file that both sides changed can not be read', async () => {
      const { bench, ours, theirs } = fork(
        { 'a.txt': 'zero\none\ntwo\nthree\n' },
        { 'a.txt': 'one\ntwo\nfour\n' },
      );
      const blob = git(bench.dir, 'rev-parse', 'refs/heads/theirs:a.txt');
      rmSync(join(bench.dir, 'objects', blob.slice(0, 2), blob.slice(2)));
      await expect((await load()).merge(bench.repository, ours, theirs)).rejects.toMatchObject({
        code: 'git_failed',
      });
    });

    it('keeps file names that are not UTF-8', async () => {
      const { bench, ours, theirs } = fork({ 'a.txt': 'ours\n' }, {});
      const blob = gitWith(bench.dir, {}, ['hash-object', '-w', '--stdin'], 'x\n');
      const fileName = Buffer.from([0x63, 0x61, 0x66, 0xe9]);
      const tree = gitWith(
        bench.dir,
        {},
        ['mktree', '-z'],
        Buffer.concat([Buffer.from(`100644 blob ${blob}\t`), fileName, Buffer.from([0])]),
      );
      const side = git(bench.dir, 'commit-tree', '-m', 'latin-1', '-p', theirs, tree);
      const merged = await (await load()).merge(bench.repository, ours, side);
      // The other side deleted everything else; what counts is that the name is there byte for byte.
      expect(merged.clean).toBe(false);
      const grown = gitWith(
        bench.dir,
        {},
        ['mktree', '-z'],
        Buffer.concat([
          Buffer.from(git(bench.dir, 'ls-tree', '-z', theirs), 'utf8'),
          Buffer.from(`100644 blob ${blob}\t`),
          fileName,
          Buffer.from([0]),
        ]),
      );
      const added = git(bench.dir, 'commit-tree', '-m', 'latin-1', '-p', theirs, grown);
      const clean = await (await load()).merge(bench.repository, ours, added);
      expect(clean.clean && git(bench.dir, 'ls-tree', '--name-only', clean.tree)).toContain('"caf\\351"');
    });

    it.runIf(traits.reportsDirectoryRenames)(
      'reports a file added to a folder that the other side renamed',
      async () => {
        const from = { 'old/1.txt': 'one\n', 'old/2.txt': 'two\n', 'old/3.txt': 'three\n' };
        const renamed = {
          'old/1.txt': null,
          'old/2.txt': null,
          'old/3.txt': null,
          'new/1.txt': 'one\n',
          'new/2.txt': 'two\n',
          'new/3.txt': 'three\n',
        };
        const { bench, ours, theirs } = fork(renamed, { 'old/4.txt': 'four\n' }, from);
        const merged = await (await load()).merge(bench.repository, ours, theirs);
        expect(merged).toMatchObject({
          clean: false,
          conflicts: [{ path: 'new/4.txt', type: 'CONFLICT (directory rename suggested)' }],
        });
      },
    );

    it.runIf(traits.readsAttributes)("lets the target's attributes count, those of folders too", async () => {
      const from = {
        '.gitattributes': '*.log merge=union\n',
        'deep/er/.gitattributes': 'list.txt merge=union\n',
        'x.log': 'one\n',
        'deep/er/list.txt': 'one\n',
        'list.txt': 'one\n',
      };
      const side = (text: string) => ({ 'x.log': `one\n${text}\n`, 'deep/er/list.txt': `one\n${text}\n` });
      const { bench, ours, theirs } = fork(side('ours'), side('theirs'), from);
      const merged = await (await load()).merge(bench.repository, ours, theirs);
      expect(
        merged.clean && [bench.show(merged.tree, 'x.log'), bench.show(merged.tree, 'deep/er/list.txt')],
      ).toEqual(['one\nours\ntheirs', 'one\nours\ntheirs']);
      const other = fork(
        { ...side('ours'), 'list.txt': 'one\nours\n' },
        { 'list.txt': 'one\ntheirs\n' },
        from,
      );
      expect((await (await load()).merge(other.bench.repository, other.ours, other.theirs)).clean).toBe(
        false,
      );
    });
  });
}
