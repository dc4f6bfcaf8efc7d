import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { removeLeftovers } from '../../src/db/embedded/leftovers.ts';

it('what killed starts left long ago is removed, and nothing else', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'signalbox-leftovers-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const old = [
    'cluster.00000001.tmp',
    'postgresql-18.4.0-beta.17-linux-x64.0a1b2c3d.tmp',
    'cluster',
    'postgresql-18.4.0-beta.17-linux-x64',
    'mine.tmp',
  ];
  for (const name of [...old, 'cluster.00000002.tmp']) {
    await mkdir(path.join(home, name));
    await writeFile(path.join(home, name, 'password'), '');
  }
  for (const name of old) await utimes(path.join(home, name), 0, 0);
  await removeLeftovers(home);
  expect((await readdir(home)).toSorted()).toEqual([
    'cluster',
    'cluster.00000002.tmp',
    'mine.tmp',
    'postgresql-18.4.0-beta.17-linux-x64',
  ]);
});
