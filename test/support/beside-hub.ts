import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * A repository in a new folder that has the hub's objects without copying one: a clone over HTTP costs fifteen processes. What
 * agents do over HTTP to have it is the matter of `cloneOf`, and of the demo.
 */
export async function makeBesideHub(parent: string, hub: string): Promise<string> {
  const dir = await mkdtemp(path.join(parent, 'work-'));
  await mkdir(path.join(dir, '.git', 'objects', 'info'), { recursive: true });
  await mkdir(path.join(dir, '.git', 'refs'));
  await writeFile(path.join(dir, '.git', 'HEAD'), 'ref: refs/heads/work\n');
  await writeFile(path.join(dir, '.git', 'config'), '[core]\n\tbare = false\n');
  await writeFile(path.join(dir, '.git', 'objects', 'info', 'alternates'), `${path.join(hub, 'objects')}\n`);
  return dir;
}
