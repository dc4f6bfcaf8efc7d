import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { git } from '../../src/demo/git.ts';

/** More than a pipe holds, so that the write is still under way when the reader ends. */
const much = 'x'.repeat(4 * 1024 * 1024);

test('a git of the demo that does not read its input is judged by how it ended', async () => {
  expect(await git(tmpdir(), ['version'], {}, much)).toMatch(/^git version /u);
  await expect(git(tmpdir(), ['no-such-command'], {}, much)).rejects.toThrow('is not a git command');
});
