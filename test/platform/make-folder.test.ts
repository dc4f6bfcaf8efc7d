import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/make-folder.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-make-'));
  return () => rm(scratch, { recursive: true, force: true });
});

async function modeOf(folder: string): Promise<number> {
  return (await stat(path.join(scratch, folder))).mode & 0o777;
}

it.each([0o027, 0o077, 0o000])(
  'has the mode that was asked for, on the way as well, whatever the umask',
  async (umask) => {
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
    await makeFolder(path.join(scratch, 'a/b/c'), 0o711);
    expect([await modeOf('a'), await modeOf('a/b'), await modeOf('a/b/c')]).toEqual([0o711, 0o711, 0o711]);
  },
);

it('leaves a folder as it is that was there', async () => {
  await mkdir(path.join(scratch, 'there'));
  await chmod(path.join(scratch, 'there'), 0o700);
  await makeFolder(path.join(scratch, 'there'), 0o755);
  await makeFolder(path.join(scratch, 'there/new'), 0o755);
  expect([await modeOf('there'), await modeOf('there/new')]).toEqual([0o700, 0o755]);
});
