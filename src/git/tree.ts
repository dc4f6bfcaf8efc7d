import { GitError } from './git-error.ts';
import { checkObjectId } from './ref-name.ts';
import { type Repository, splitNul } from './repository.ts';

export interface TreeEntry {
  mode: string;
  type: string;
  oid: string;
  path: Buffer;
}

/** Every file of a commit, in all folders. */
export async function listTree(repository: Repository, commit: string): Promise<TreeEntry[]> {
  const { stdout } = await repository.git(['ls-tree', '-r', '-z', '--full-tree', checkObjectId(commit)]);
  return splitNul(stdout).map((line) => {
    const tab = line.indexOf(9);
    const [mode = '', type = '', oid = ''] = line.subarray(0, tab).toString('latin1').split(' ');
    return { mode, type, oid, path: line.subarray(tab + 1) };
  });
}

/** The contents of blobs by id. */
export async function readBlobs(
  repository: Repository,
  oids: readonly string[],
): Promise<Map<string, Buffer>> {
  const blobs = new Map<string, Buffer>();
  if (oids.length === 0) return blobs;
  const { stdout } = await repository.git(['cat-file', '--batch'], {
    stdin: oids.map((oid) => `${checkObjectId(oid)}\n`).join(''),
  });
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(10, at);
    const [oid = '', type = '', size = ''] = stdout.subarray(at, end).toString('latin1').split(' ');
    if (type !== 'blob')
      throw new GitError('git_failed', 'a file of this commit is missing from the repository');
    const from = end + 1;
    blobs.set(oid, stdout.subarray(from, from + Number(size)));
    at = from + Number(size) + 1;
  }
  return blobs;
}
