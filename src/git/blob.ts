import { GitError } from './git-error.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** The size of a file's content, without reading it. */
export async function blobSize(repository: Repository, blob: string): Promise<number> {
  const { stdout } = await repository.git(['cat-file', '--batch-check=%(objecttype) %(objectsize)'], {
    stdin: `${checkObjectId(blob)}\n`,
  });
  const [, size] = /^blob (\d+)\n$/.exec(stdout.toString('latin1')) ?? [];
  if (size === undefined) throw new GitError('git_failed', `there is no file with the id ${blob}`);
  return Number(size);
}

export async function blobContent(repository: Repository, blob: string): Promise<Buffer> {
  const { stdout } = await repository.git(['cat-file', 'blob', checkObjectId(blob)]);
  return stdout;
}
