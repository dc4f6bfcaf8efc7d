import { GitError } from './git-error.ts';
import { trackingBackupRef } from './keep-refs.ts';
import { listRemote } from './remote-probe.ts';
import type { RemoteUrl } from './remote-url.ts';
import type { Repository } from './repository.ts';

/** Where the hub remembers a remote's branches. */
export const tracking = 'refs/remotes/origin/';

/** Whether a fetch failed at our own refs, and not at the remote: one stands in another's way, or another git is at work on it. */
export function failedAtOurRefs(error: unknown): error is GitError {
  return (
    error instanceof GitError &&
    error.code === 'git_failed' &&
    /^error: (cannot lock ref|fetching ref |some local refs could not be updated)/m.test(error.stderr)
  );
}

/**
 * `release` and `release/1` can not both be refs. Nothing is pruned here, so a remote that has replaced one by the other would never
 * be fetched again: what it no longer has and what stands in the way of what it has is moved to a backup ref.
 */
export async function moveStaleAside(
  repository: Repository,
  remote: RemoteUrl,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lines = await listRemote(repository.runner, remote, [], { options: ['--heads'], signal });
  const there = new Set(lines.map((line) => (line.split('\t')[1] ?? '').replace(/^refs\/heads\//, tracking)));
  const folders = new Set([...there].flatMap(foldersOf));
  const stale = [...(await repository.readRefs(tracking))].filter(
    ([ref]) => !there.has(ref) && (folders.has(ref) || foldersOf(ref).some((folder) => there.has(folder))),
  );
  if (stale.length === 0) return;
  // Branches may share a tip, and one transaction names a ref once.
  const tips = new Set(stale.map(([, tip]) => tip));
  const stdin = [
    ...[...tips].map((tip) => `update ${trackingBackupRef(tip)}\0${tip}\0\0`),
    ...stale.map(([ref, tip]) => `delete ${ref}\0${tip}\0`),
  ].join('');
  // Not through a RefTransaction: these names are the remote's, and may be some that we would not give.
  await repository
    .git(['update-ref', '--no-deref', '-z', '--stdin'], { stdin, locksIn: repository.dir, signal })
    .catch((error: unknown) => {
      // Another fetch was faster; the next round looks again.
      if (!(error instanceof GitError) || error.code !== 'git_failed') throw error;
    });
}

function foldersOf(ref: string): string[] {
  const parts = ref.split('/');
  return parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'));
}
