import { setTimeout as delay } from 'node:timers/promises';
import { GitError } from './git-error.ts';
import { isBranchName } from './ref-name.ts';
import { remoteRefusal } from './remote-refusal.ts';
import type { RemoteUrl } from './remote-url.ts';
import type { Repository } from './repository.ts';
import { failedAtOurRefs, moveStaleAside, tracking } from './tracking-refs.ts';

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  deadlineMs?: number;
}

const maxRounds = 5;
const roundWaitMs = 100;

/** Git ends well with this warning, and brings no such ref. */
const refusedAsShallow = new RegExp(`^warning: rejected ${tracking}(\\S+) because shallow roots`, 'gm');

/**
 * Fetches all branches of a remote, whatever became of those that were fetched before. Gives those that git did not take over because
 * their history is cut off at the remote: a clone of a part (`--depth`) is one.
 */
export async function fetchRemote(
  repository: Repository,
  remote: RemoteUrl,
  options: FetchOptions = {},
): Promise<string[]> {
  for (let round = 1; ; round++) {
    try {
      return await fetchBranches(repository, remote, options);
    } catch (error) {
      if (!failedAtOurRefs(error)) throw remoteRefusal(error);
      if (round === maxRounds) {
        throw new GitError('ref_locked', 'another git holds refs that this fetch has to move', {
          stderr: error.stderr,
          cause: error,
        });
      }
      await moveStaleAside(repository, remote, options.signal);
      // Two fetches at once want the same locks.
      if (round > 1) await delay(roundWaitMs * round);
    }
  }
}

/** The refspec goes over stdin, after the child is recorded, because fetching takes ref locks. */
async function fetchBranches(
  repository: Repository,
  remote: RemoteUrl,
  options: FetchOptions,
): Promise<string[]> {
  const { stderr } = await repository.git(
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
      stdin: `+refs/heads/*:${tracking}*\n`,
      remote: remote.url,
      locksIn: repository.dir,
      ...options,
    },
  );
  return [...stderr.matchAll(refusedAsShallow)].flatMap(([, branch]) => branch ?? []);
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
  for (let round = 1; ; round++) {
    const remote = await trackedTip(repository, branch);
    const own = await repository.readTip(`refs/heads/${branch}`);
    if (remote === null || own === remote) return;
    if (own !== null && !(await repository.isAncestor(own, remote))) return;
    try {
      return await repository.updateRefs([{ ref: `refs/heads/${branch}`, old: own, new: remote }]);
    } catch (error) {
      const isRace = error instanceof GitError && (error.code === 'ref_moved' || error.code === 'ref_locked');
      if (!isRace || round === maxRounds) throw error;
      await delay(roundWaitMs * round);
    }
  }
}
