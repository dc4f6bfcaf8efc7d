import { patchOptions } from './commit-patches.ts';
import { diffEnvironment } from './diff-settings.ts';
import { emptyTree } from './empty-tree.ts';
import { PatchDigest } from './patch-digest.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/**
 * An id of what `head` changes since it left `base`: the same when only `base` has moved, another when one blank has changed. Null
 * when it changes nothing. Not git's own: `git patch-id --verbatim`, the one that counts white space, came with 2.39. Like git's it
 * has three lines of context in it, and a newer git may cut a patch in other places: ids are compared, and never read.
 */
export async function patchId(repository: Repository, base: string, head: string): Promise<string | null> {
  const start = (await repository.mergeBase(base, head)) ?? emptyTree(head);
  const digest = new PatchDigest();
  await repository.git(['diff-tree', ...patchOptions, checkObjectId(start), checkObjectId(head), '--'], {
    env: diffEnvironment(head),
    onStdout: (chunk) => digest.write(chunk),
  });
  return digest.digest();
}
