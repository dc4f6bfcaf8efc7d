import { isBranchName } from './ref-name.ts';
import { remoteRefusal } from './remote-refusal.ts';
import type { RemoteUrl } from './remote-url.ts';
import type { Repository } from './repository.ts';

/** Fetches all branches of a remote. The refspec goes over stdin, after the child is recorded, because fetching takes ref locks. */
export async function fetchRemote(
  repository: Repository,
  remote: RemoteUrl,
  options: { signal?: AbortSignal | undefined; deadlineMs?: number } = {},
): Promise<void> {
  try {
    await repository.git(
      [
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-prune',
        '--no-write-fetch-head',
        '--no-auto-maintenance',
        '--no-recurse-submodules',
        '--stdin',
        '--',
        remote.url,
      ],
      {
        stdin: '+refs/heads/*:refs/remotes/origin/*\n',
        remote: true,
        locksIn: repository.dir,
        ...options,
      },
    );
  } catch (error) {
    throw remoteRefusal(error);
  }
}

/** Where the remote's branch was when it was last fetched. */
export function trackedTip(repository: Repository, branch: string): Promise<string | null> {
  return isBranchName(branch) ? repository.readTip(`refs/remotes/origin/${branch}`) : Promise.resolve(null);
}

/**
 * Moves the hub's default branch to where the remote's is, if that is ahead. It is never moved to anything the remote does not have;
 * a remote that was rewound leaves it where it is, and the next delivery works on the remote's own tip.
 */
export async function followDefault(repository: Repository, branch: string): Promise<void> {
  const remote = await trackedTip(repository, branch);
  const own = await repository.readTip(`refs/heads/${branch}`);
  if (remote === null || own === remote) return;
  if (own !== null && !(await repository.isAncestor(own, remote))) return;
  await repository.updateRefs([{ ref: `refs/heads/${branch}`, old: own, new: remote }]);
}
