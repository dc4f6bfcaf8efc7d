import { diffEnvironment, diffOptions } from './diff-settings.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/**
 * What git prints as the diff of two blobs, or null when it takes one of them for binary. By id and not by name, because the name of
 * a file need not be text that a command line can carry.
 */
export async function blobDiff(
  repository: Repository,
  oldBlob: string,
  newBlob: string,
  contextLines: number,
): Promise<Buffer | null> {
  const { stdout } = await repository.git(
    [
      'diff',
      '--patch',
      `--unified=${Math.max(0, Math.trunc(contextLines))}`,
      ...diffOptions,
      checkObjectId(oldBlob),
      checkObjectId(newBlob),
      '--',
    ],
    { env: diffEnvironment(oldBlob) },
  );
  // A line of content has a sign before it.
  return stdout.includes('\nBinary files ') ? null : stdout;
}
