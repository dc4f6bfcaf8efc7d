import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { underFolder } from '../../src/git/attributes.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { NodegitMergeEngine } from '../../src/git/nodegit-merge-engine.ts';
import { pathName } from '../../src/git/path-name.ts';
import { mergeEngineContract } from './merge-engine-contract.ts';

mergeEngineContract('git', async () => new GitMergeEngine(), {
  reportsDirectoryRenames: true,
  readsAttributes: true,
});

if (isInstalled('nodegit'))
  mergeEngineContract('nodegit', () => NodegitMergeEngine.load(), {
    reportsDirectoryRenames: false,
    readsAttributes: false,
  });
else it.skip('the merge engine nodegit, which is not installed, keeps the contract', () => undefined);

it.runIf(!isInstalled('nodegit'))(
  'an engine that is not installed is a refusal that says what to do',
  async () => {
    await expect(NodegitMergeEngine.load()).rejects.toMatchObject({
      code: 'merge_engine_not_installed',
      message: expect.stringContaining('npm install'),
    });
  },
);

describe('the name of a path', () => {
  it('is itself when it is plain UTF-8, and quoted as git does when it is not', () => {
    expect(pathName(Buffer.from('docs/\u00fcber.md'))).toBe('docs/\u00fcber.md');
    expect(pathName(Buffer.from([0x63, 0x61, 0x66, 0xe9]))).toBe('"caf\\351"');
    expect(pathName(Buffer.from('a\tb\n"c\\'))).toBe('"a\\tb\\n\\"c\\\\"');
    expect(pathName(Buffer.from('"'))).toBe('"\\""');
  });
});

describe('attributes of a folder', () => {
  it('mean the same when they are read from the top', () => {
    expect(
      underFolder(
        'a/b',
        '# note\n*.txt merge=union\n/top text\nsub/x -merge\n"with space" merge=union\n!bad\n[attr]macro x\n',
      ),
    ).toBe(
      [
        'a/b/**/*.txt merge=union',
        'a/b/top text',
        'a/b/sub/x -merge',
        '"a/b/**/with space" merge=union',
      ].join('\n'),
    );
    expect(underFolder('', '*.txt merge=union')).toBe('*.txt merge=union');
    expect(underFolder('a*', 'x text')).toBe('a\\*/**/x text');
  });
});

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
