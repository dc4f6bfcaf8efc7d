import { mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { git } from './git.ts';

/**
 * Takes the tree of a commit out of a repository, as a damaged disk does: the commit is there, and no git can merge it.
 * Gives what puts it back.
 */
export async function loseTree(dir: string, commit: string): Promise<() => Promise<void>> {
  const tree = await git(dir, ['rev-parse', `${commit}^{tree}`]);
  const aside = await mkdtemp(path.join(tmpdir(), 'signalbox-lost-'));
  const packs = path.join(dir, 'objects', 'pack');
  for (const file of await readdir(packs)) await rename(path.join(packs, file), path.join(aside, file));
  for (const file of await readdir(aside)) {
    if (!file.endsWith('.pack')) continue;
    await git(dir, ['unpack-objects', '-q'], {}, await readFile(path.join(aside, file)));
  }
  const object = path.join(dir, 'objects', tree.slice(0, 2), tree.slice(2));
  await rename(object, path.join(aside, tree));
  return () => rename(path.join(aside, tree), object);
}
