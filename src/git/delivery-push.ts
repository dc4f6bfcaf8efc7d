import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryPorts, DeliveryProject, DeliveryRecord } from './delivery-types.ts';
import { askAfterPush } from './delivery-refusal.ts';
import { GitError } from './git-error.ts';
import { fetchRemote, followDefault } from './remote-fetch.ts';
import { remoteTip } from './remote-probe.ts';
import { knownRefusal, remoteRefusal } from './remote-refusal.ts';
import type { RemoteUrl } from './remote-url.ts';

/** A project of a delivery whose remote's address has been read and allowed. */
export interface RemoteProject extends Omit<DeliveryProject, 'remote'> {
  remote: RemoteUrl;
}

/** Where a remote is pushed to. */
export type PushTarget = Pick<RemoteProject, 'projectId' | 'repository' | 'remote' | 'defaultBranch'>;

/** `after` null takes the ref away. */
export interface PlannedPush {
  project: PushTarget;
  record: Pick<DeliveryRecord, 'strategy' | 'remoteRef' | 'before' | 'after'>;
  /** It goes back to where it was: only exactly there has it arrived, because what it leaves contains that, too. */
  rewinds?: boolean;
}

type PushPorts = Pick<DeliveryPorts, 'boundary' | 'signal' | 'log'>;

/** How often a remote is asked again that could not move the ref and has not moved it: another push may have had the lock. */
const stuckTries = 3;
const stuckWaitMs = 300;

/**
 * Pushes one commit to one ref, if the ref stands where the record says, and reads it back. False: the remote has moved. The hub's
 * default branch follows only after that. Throws the refusal, or what made it unclear whether the push arrived: the next attempt
 * asks the remote.
 */
export async function pushOnce(plan: PlannedPush, ports: PushPorts): Promise<boolean> {
  const { project, record } = plan;
  if (!(await pushUnlessStuck(plan, ports))) return false;
  await ports.boundary('before-push-record');
  const tip = await tipAfterPush(plan, ports);
  await askAfterPush(() => fetchRemote(project.repository, project.remote, { signal: ports.signal }));
  if (!(await hasArrived(plan, tip)))
    throw new GitError(
      'remote_unreachable',
      'the remote took the push and then did not show it; asking it again',
    );
  if (record.strategy === 'merge_and_push') await followDefault(project.repository, project.defaultBranch);
  return true;
}

/** Whether a remote whose ref stands at `tip` has what the record wants there. */
export async function hasArrived(
  { project, record, rewinds = false }: PlannedPush,
  tip: string | null,
): Promise<boolean> {
  if (tip === record.after) return true;
  if (tip === null || record.after === null || rewinds) return false;
  const present = await project.repository.commitsPresent([tip, record.after]);
  return (
    present.has(tip) && present.has(record.after) && (await project.repository.isAncestor(record.after, tip))
  );
}

/** False: the remote has moved. That it could not move the ref says nothing of where the ref stands: only the ref does. */
async function pushUnlessStuck(plan: PlannedPush, ports: PushPorts): Promise<boolean> {
  const { project, record } = plan;
  for (let tried = 1; ; tried++) {
    const answer = await push(plan, [], ports.signal);
    if (!(answer instanceof GitError)) return answer === 'taken';
    const tip = await tipAfterPush(plan, ports);
    if (tip === record.after) return true;
    if (tip !== record.before) return false;
    if (tried === stuckTries) throw answer;
    ports.log.info(
      { projectId: project.projectId, ref: record.remoteRef, err: answer },
      'the remote could not move the ref, and has not moved it; trying again',
    );
    await delay(stuckWaitMs, undefined, { signal: ports.signal });
  }
}

function tipAfterPush({ project, record }: PlannedPush, { signal }: PushPorts): Promise<string | null> {
  return askAfterPush(() => remoteTip(project.repository.runner, project.remote, record.remoteRef, signal));
}

/** Asks the remote whether it would take this push. */
export async function dryPush(plan: PlannedPush, signal: AbortSignal): Promise<void> {
  await push(plan, ['--dry-run'], signal);
}

/** `moved`: the remote's ref does not stand where it was expected. A refusal that is returned: the remote could not move it. */
async function push(
  { project, record }: PlannedPush,
  options: readonly string[],
  signal: AbortSignal,
): Promise<'taken' | 'moved' | GitError> {
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
      [...args, '--', project.remote.url, `${after ?? ''}:${remoteRef}`],
      { remote: project.remote.url, signal, answers: [1] },
    );
    if (code === 0) return 'taken';
    const said = project.repository.runner.withoutSecrets(stdout.toString('utf8'), project.remote.url);
    return refused(said, stderr);
  } catch (error) {
    throw remoteRefusal(error);
  }
}

/** Reads git's porcelain: `!<tab>from:to<tab>[rejected] (reason)`. */
function refused(stdout: string, stderr: string): 'moved' | GitError {
  const reason = /^!\t[^\t]*\t(.*)$/m.exec(stdout)?.[1] ?? '';
  if (/^\[rejected\] \((stale info|fetch first|non-fast-forward)\)/.test(reason)) return 'moved';
  // The words after `[remote rejected]` are the remote's, or its hook's: only these are known to be git's own.
  const rejected = /^\[remote rejected\] \((branch is currently checked out)\)$/.exec(reason)?.[1];
  const known = knownRefusal(rejected ?? stderr);
  if (known !== null) throw known;
  const said = reason === '' ? '' : `: ${reason.slice(0, 200)}`;
  if (
    /^\[remote rejected\].*(failed to update ref|cannot lock ref|expected|incorrect old value)/i.test(reason)
  ) {
    const why = /^remote: (?:error|fatal): (.*)$/m.exec(stderr)?.[1]?.trim().slice(0, 200);
    const words = why === undefined ? said : `${said}: ${why}`;
    return new GitError('remote_refused', `the remote refused the push${words}`, { stderr });
  }
  throw new GitError('remote_refused', `the remote refused the push${said}`, { stderr });
}
