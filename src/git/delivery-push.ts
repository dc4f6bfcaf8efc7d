import type { DeliveryPorts, DeliveryProject, DeliveryRecord } from './delivery-types.ts';
import { GitError } from './git-error.ts';
import { fetchRemote, followDefault } from './remote-fetch.ts';
import { remoteTip } from './remote-probe.ts';
import { knownRefusal, remoteRefusal } from './remote-refusal.ts';
import type { RemoteUrl } from './remote-url.ts';

/** A project of a delivery whose remote's address has been read and allowed. */
export interface RemoteProject extends Omit<DeliveryProject, 'remote'> {
  remote: RemoteUrl;
}

export interface PlannedPush {
  project: RemoteProject;
  record: DeliveryRecord;
}

/**
 * Pushes one commit to one ref, if the ref stands where the record says, and reads it back. Null: the remote has moved. The hub's
 * default branch follows only after that. Throws the refusal, or what made it unclear whether the push arrived: the next attempt
 * asks the remote.
 */
export async function pushOnce(plan: PlannedPush, ports: DeliveryPorts): Promise<DeliveryRecord | null> {
  const { project, record } = plan;
  if (!(await push(plan, [], ports.signal))) return null;
  await ports.boundary('before-push-record');
  const tip = await remoteTip(project.repository.runner, project.remote, record.remoteRef, ports.signal);
  await fetchRemote(project.repository, project.remote, { signal: ports.signal });
  const arrived =
    tip !== null &&
    record.after !== null &&
    (tip === record.after ||
      ((await project.repository.commitExists(tip)) &&
        (await project.repository.isAncestor(record.after, tip))));
  if (!arrived)
    throw new GitError(
      'remote_unreachable',
      'the remote took the push and then did not show it; asking it again',
    );
  if (record.strategy === 'merge_and_push') await followDefault(project.repository, project.defaultBranch);
  return { ...record, state: 'delivered' };
}

/** Asks the remote whether it would take this push. */
export async function dryPush(plan: PlannedPush, signal: AbortSignal): Promise<void> {
  await push(plan, ['--dry-run'], signal);
}

/** False when the remote's ref does not stand where it was expected. */
async function push(
  { project, record }: PlannedPush,
  options: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const { remoteRef, before, after } = record;
  const args = [
    'push',
    '--porcelain',
    '--no-verify',
    '--no-follow-tags',
    '--recurse-submodules=no',
    ...options,
    `--force-with-lease=${remoteRef}:${before ?? ''}`,
  ];
  try {
    const { code, stdout, stderr } = await project.repository.git(
      [...args, '--', project.remote.url, `${after}:${remoteRef}`],
      { remote: true, signal, answers: [1] },
    );
    if (code === 0) return true;
    return refused(stdout.toString('utf8'), stderr);
  } catch (error) {
    throw remoteRefusal(error);
  }
}

/** Reads git's porcelain: `!<tab>from:to<tab>[rejected] (reason)`. */
function refused(stdout: string, stderr: string): false {
  const reason = /^!\t[^\t]*\t(.*)$/m.exec(stdout)?.[1] ?? '';
  if (
    /stale info|fetch first|non-fast-forward|failed to update ref|cannot lock ref|remote rejected.*(expected|incorrect old value)/i.test(
      reason,
    )
  )
    return false;
  // The words after `[remote rejected]` are the remote's, or its hook's: only these are known to be git's own.
  const rejected = /^\[remote rejected\] \((branch is currently checked out)\)$/.exec(reason)?.[1];
  const known = knownRefusal(rejected ?? stderr);
  if (known !== null) throw known;
  const said = reason === '' ? '' : `: ${reason.slice(0, 200)}`;
  throw new GitError('remote_refused', `the remote refused the push${said}`, { stderr });
}
