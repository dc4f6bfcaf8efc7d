import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

const pattern = /^(cluster|postgresql-.*)\.[0-9a-f]{8}\.tmp$/;
/** Making one takes seconds; a start of another release may be at it right now, and is refused in a better way than by our removal. */
const leastAgeMs = 3_600_000;

/**
 * Removes what starts that were killed have left in a folder of clusters and programs: half of a copy or of a cluster, which never got its
 * name. To be called by the one service of the data folder, so that its own start is certainly over.
 */
export async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!pattern.test(name)) continue;
    const folder = path.join(home, name);
    // Another start of this folder may remove its own.
    const changed = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
    if (changed !== null && Date.now() - changed > leastAgeMs)
      await rm(folder, { recursive: true, force: true });
  }
}
