import { GitError } from './git-error.ts';
import type { Repository } from './repository.ts';
import { listTree, readBlobs } from './tree.ts';

/**
 * Refuses a repository whose content does not all travel with its commits: Git LFS keeps files elsewhere, submodules are other
 * repositories. Merging and delivering only the pointers would lose work silently.
 */
export async function refuseForeignContent(repository: Repository, commit: string): Promise<void> {
  const entries = await listTree(repository, commit);
  const isNamed = (path: Buffer, name: string): boolean =>
    path.equals(Buffer.from(name)) || path.subarray(-(name.length + 1)).equals(Buffer.from(`/${name}`));
  if (entries.some((entry) => entry.mode === '160000' || entry.path.equals(Buffer.from('.gitmodules')))) {
    throw new GitError(
      'repository_uses_submodules',
      'the repository has submodules, which Signalbox does not deliver; add each as a project of its own',
    );
  }
  const attributes = entries.filter(
    (entry) => entry.type === 'blob' && isNamed(entry.path, '.gitattributes'),
  );
  const contents = await readBlobs(
    repository,
    attributes.map((entry) => entry.oid),
  );
  if (
    [...contents.values()].some((content) => /^[^#\n]*\sfilter=lfs(\s|$)/m.test(content.toString('utf8')))
  ) {
    throw new GitError(
      'repository_uses_lfs',
      'the repository keeps files in Git LFS, which Signalbox does not carry; move them into git or leave this repository out',
    );
  }
}
