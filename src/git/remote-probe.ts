import { realpath } from 'node:fs/promises';
import { configEnvironment } from './git-environment.ts';
import { GitError } from './git-error.ts';
import type { GitRunner } from './git-runner.ts';
import type { RemoteProbe } from './hub-types.ts';
import { isBranchName, isObjectId } from './ref-name.ts';
import { remoteRefusal } from './remote-refusal.ts';
import type { RemoteUrl } from './remote-url.ts';

/** Asks a remote for its branches. Throws a GitError with the code of what is wrong with it. */
export async function probeRemote(
  runner: GitRunner,
  remote: RemoteUrl,
  signal?: AbortSignal,
): Promise<RemoteProbe> {
  const listed = await listRemote(runner, remote, ['HEAD', 'refs/heads/*'], {
    options: ['--symref'],
    signal,
  });
  const branches: Record<string, string> = {};
  let head: string | null = null;
  for (const line of listed) {
    const symbolic = /^ref: refs\/heads\/(\S+)\tHEAD$/.exec(line);
    if (symbolic?.[1] !== undefined) head = symbolic[1];
    const [oid = '', ref = ''] = line.split('\t');
    const name = ref.replace(/^refs\/heads\//, '');
    if (isObjectId(oid) && name !== ref && isBranchName(name)) branches[name] = oid;
  }
  return {
    branches,
    head,
    checkedOut: remote.path === undefined ? [] : await checkedOutBranches(runner, remote.path),
  };
}

/** Where one ref stands at a remote; null when it does not exist there. */
export async function remoteTip(
  runner: GitRunner,
  remote: RemoteUrl,
  ref: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const lines = await listRemote(runner, remote, [ref], { signal });
  return lines.map((line) => line.split('\t')).find(([, name]) => name === ref)?.[0] ?? null;
}

/**
 * A branch of a remote because of which another one can not be made there: `signalbox` and `signalbox/goal` can not both be refs.
 * The remote is asked, because what was fetched may be of a branch that is gone there.
 */
export async function branchInTheWay(
  runner: GitRunner,
  remote: RemoteUrl,
  branch: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const parts = branch.split('/');
  const above = parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'));
  const patterns = [...above, `${branch}/*`].map((name) => `refs/heads/${name}`);
  const lines = await listRemote(runner, remote, patterns, { signal });
  // A pattern of `ls-remote` also matches the end of a longer name.
  const names = lines.map((line) => (line.split('\t')[1] ?? '').replace(/^refs\/heads\//, ''));
  return names.find((name) => above.includes(name) || name.startsWith(`${branch}/`)) ?? null;
}

/** What `ls-remote` says, line by line. */
export async function listRemote(
  runner: GitRunner,
  remote: RemoteUrl,
  patterns: readonly string[],
  { options = [], signal }: { options?: readonly string[]; signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  try {
    const { stdout } = await runner.run({
      args: ['ls-remote', '--quiet', ...options, '--', remote.url, ...patterns],
      remote: remote.url,
      signal,
    });
    return stdout
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    throw remoteRefusal(error);
  }
}

/**
 * Branches that a worktree of a repository on this machine has checked out, where git would refuse a push. Empty for a bare one,
 * and for one that says it updates itself (`receive.denyCurrentBranch`). Asked only where git has let us list the refs: whose the
 * repository is was settled there, about its `.git`, and is not asked once more about its worktree.
 */
export async function checkedOutBranches(runner: GitRunner, path: string): Promise<string[]> {
  const dir = await realpath(path).catch(() => path);
  const env = configEnvironment([['safe.directory', dir]]);
  try {
    const { stdout } = await runner.run({
      args: ['-C', dir, 'worktree', 'list', '--porcelain'],
      remote: path,
      env,
    });
    const allowed = await runner.run({
      args: ['-C', dir, 'config', '--get', 'receive.denyCurrentBranch'],
      remote: path,
      env,
      answers: [1],
    });
    if (/^(ignore|warn|false|updateInstead)$/i.test(allowed.stdout.toString('utf8').trim())) return [];
    const worktrees = stdout
      .toString('utf8')
      .split('\n\n')
      .filter((entry) => !/^bare$/m.test(entry));
    return worktrees.flatMap((entry) => /^branch refs\/heads\/(.+)$/m.exec(entry)?.[1] ?? []);
  } catch (error) {
    if (error instanceof GitError && error.code === 'git_failed') return [];
    throw error;
  }
}
