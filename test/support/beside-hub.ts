import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * A repository in a new folder that has the hub's objects without copying one, because a clone over HTTP costs fifteen processes; what
 * agents do over HTTP is the matter of `cloneOf`, and of the demo. Without a hub it is empty.
 */
export async function makeBesideHub(parent: string, hub: string | null): Promise<string> {
  const dir = await mkdtemp(path.join(parent, 'work-'));
  await mkdir(path.join(dir, '.git', 'objects', 'info'), { recursive: true });
  await mkdir(path.join(dir, '.git', 'refs'));
  await writeFile(path.join(dir, '.git', 'HEAD'), 'ref: refs/heads/work\n');
  await writeFile(path.join(dir, '.git', 'config'), '[core]\n\tbare = false\n');
  if (hub !== null)
    await writeFile(
      path.join(dir, '.git', 'objects', 'info', 'alternates'),
      `${path.join(hub, 'objects')}\n`,
    );
  return dir;
}
