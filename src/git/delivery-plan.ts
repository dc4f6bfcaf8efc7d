import { dryPush, type PushTarget, type RemoteProject } from './delivery-push.ts';
import { mayHaveArrived } from './delivery-partial.ts';
import { askAfterPush, refuse } from './delivery-refusal.ts';
import type { DeliveryPorts, DeliveryProject, DeliveryRecord, DeliveryRequest } from './delivery-types.ts';
import { GitError } from './git-error.ts';
import { deliveryKeepRef } from './keep-refs.ts';
import { buildMergeCommit } from './landing-commit.ts';
import type { ProjectConflict, StoppedProject } from './landing-types.ts';
import { branchRef, checkObjectId } from './ref-name.ts';
import { fetchRemote, followDefault, trackedTip } from './remote-fetch.ts';
import { branchInTheWay, checkedOutBranches, remoteTip } from './remote-probe.ts';
import { parseRemoteUrl } from './remote-url.ts';

interface Planned {
  project: RemoteProject;
  record: DeliveryRecord;
}

/** What is to be done for one project, decided and merged, with nothing pushed yet. */
export type Delivery =
  | (Planned & { kind: 'push' })
  /** The remote has it. `delivered`: it was brought there, rather than there being nothing to bring. */
  | { kind: 'arrived'; delivered: boolean; record: DeliveryRecord }
  | (Planned & { kind: 'conflict'; conflict: ProjectConflict })
  | { kind: 'stop'; reason: 'source_lost' | 'unrelated'; project: StoppedProject; record: DeliveryRecord };

/** Fetches the remote and decides. A stored commit that the remote has, or that still fits its tip, is used as it is. */
export async function planDelivery(
  asked: DeliveryProject,
  request: DeliveryRequest,
  ports: DeliveryPorts,
  stored: DeliveryRecord | undefined,
): Promise<Delivery> {
  const project: RemoteProject = { ...asked, remote: parseRemoteUrl(asked.remote, ports.remotes) };
  const { repository, strategy, source } = project;
  const branch = strategy === 'push_branch' ? project.pushBranch : project.defaultBranch;
  const remoteRef = branchRef(branch);
  const record: DeliveryRecord = {
    projectId: project.projectId,
    strategy,
    remoteRef,
    before: null,
    after: source,
    state: 'prepared',
    result: strategy === 'push_branch' ? 'pushed' : 'merged',
    code: null,
    message: null,
  };
  if (source === null)
    return {
      kind: 'arrived',
      delivered: false,
      record: { ...record, state: 'delivered', result: 'empty' },
    };
  const stop = (reason: 'source_lost' | 'unrelated', expected: string, found: string | null): Delivery => ({
    kind: 'stop',
    reason,
    record: { ...record, after: null },
    project: { projectId: project.projectId, expected, found },
  });
  if (!(await repository.commitExists(checkObjectId(source)))) return stop('source_lost', source, null);

  const ask = () => currentTip(project, branch, ports.signal);
  const tip = await (mayHaveArrived(stored) ? askAfterPush(ask) : ask());
  const before: DeliveryRecord = { ...record, before: tip };
  if (
    stored !== undefined &&
    stored.after !== null &&
    tip !== null &&
    (await contained(project, stored.after, tip))
  ) {
    await follow(project);
    return {
      kind: 'arrived',
      delivered: true,
      record: { ...stored, state: 'delivered', code: null, message: null },
    };
  }
  if (tip !== null && (await repository.isAncestor(source, tip))) {
    await follow(project);
    const delivered = strategy === 'push_branch' || (await repository.hasMergeOf(source, tip));
    return {
      kind: 'arrived',
      delivered,
      record: { ...before, after: tip, state: 'delivered', result: delivered ? 'already' : 'empty' },
    };
  }
  await refuseCheckedOut(project, branch, ports);
  if (strategy === 'push_branch') {
    if (tip !== null && !(await repository.isAncestor(tip, source))) {
      throw new GitError(
        'remote_branch_diverged',
        `the remote's ${branch} has commits that are not ours; rename or delete it there, then deliver again`,
      );
    }
    if (tip === null) await refuseBlocked(project, branch, ports);
    return probed({ kind: 'push', project, record: before }, ports);
  }
  if (tip === null)
    throw new GitError('default_branch_missing', `the remote has no branch ${branch} any more`);
  if ((await repository.mergeBase(tip, source)) === null) return stop('unrelated', tip, source);
  if (stored?.before === tip && stored.after !== null && (await contained(project, tip, stored.after))) {
    return probed(
      { kind: 'push', project, record: { ...stored, state: 'prepared', code: null, message: null } },
      ports,
    );
  }
  const merged = await ports.engine.merge(repository, tip, source);
  if (!merged.clean) {
    return {
      kind: 'conflict',
      project,
      record: { ...before, after: null },
      conflict: { projectId: project.projectId, target: tip, source, conflicts: merged.conflicts },
    };
  }
  const { effectId, unit, author } = request;
  const after = await buildMergeCommit(repository, {
    tree: merged.tree,
    before: tip,
    source,
    unit,
    effectId,
    author,
    keepRef: deliveryKeepRef(effectId),
  });
  return probed({ kind: 'push', project, record: { ...before, after } }, ports);
}

/** The ref at the remote that this project is delivered to. */
export function remoteRefOf({
  strategy,
  pushBranch,
  defaultBranch,
}: Pick<DeliveryProject, 'strategy' | 'pushBranch' | 'defaultBranch'>): string {
  return `refs/heads/${strategy === 'push_branch' ? pushBranch : defaultBranch}`;
}

/** What is on record of it. */
export function recordOf(plan: Delivery): DeliveryRecord {
  if (plan.kind === 'conflict')
    return refuse(plan.record, 'conflict', 'what is at the remote conflicts with what is to be delivered');
  if (plan.kind === 'stop')
    return refuse(
      plan.record,
      plan.reason,
      plan.reason === 'source_lost'
        ? 'the head to deliver is gone'
        : 'the remote shares no history with what is to be delivered',
    );
  return plan.record;
}

/** Fetches, so that the remote's tip is here to be merged with, and asks where the branch stands. */
export async function currentTip(
  project: PushTarget,
  branch: string,
  signal: AbortSignal,
): Promise<string | null> {
  await fetchRemote(project.repository, project.remote, { signal });
  const tip = await remoteTip(project.repository.runner, project.remote, branchRef(branch), signal);
  // Nothing is pruned here, so only the remote itself can say that a branch is gone; its tip is what was fetched or newer.
  if (tip === null || (await project.repository.commitExists(tip))) return tip;
  return trackedTip(project.repository, branch);
}

/** Whoever pushed it may have died before the hub's default branch had followed. */
async function follow({ strategy, repository, defaultBranch }: RemoteProject): Promise<void> {
  if (strategy === 'merge_and_push') await followDefault(repository, defaultBranch);
}

/** Whether both are here and `oid` is in `tip`: what is pushed over a tip has that tip in it, whatever a record says. */
async function contained(project: RemoteProject, oid: string, tip: string): Promise<boolean> {
  const present = await project.repository.commitsPresent([oid, tip]);
  return present.has(oid) && present.has(tip) && project.repository.isAncestor(oid, tip);
}

/** A dry run does not see that git could not make the branch at the remote. */
async function refuseBlocked(project: RemoteProject, branch: string, ports: DeliveryPorts): Promise<void> {
  const { repository, remote } = project;
  const inTheWay = await branchInTheWay(repository.runner, remote, branch, ports.signal);
  if (inTheWay === null) return;
  throw new GitError(
    'remote_branch_blocked',
    `the remote has a branch ${inTheWay}, beside which git can not make ${branch}; rename or delete it there, then deliver again`,
  );
}

/** On this machine it can be seen beforehand that git would refuse the push; elsewhere git's refusal says so. */
async function refuseCheckedOut(project: RemoteProject, branch: string, ports: DeliveryPorts): Promise<void> {
  const { remote } = project;
  if (remote.path === undefined) return;
  ports.signal.throwIfAborted();
  if ((await checkedOutBranches(project.repository.runner, remote.path)).includes(branch)) {
    throw new GitError(
      'remote_branch_checked_out',
      `${branch} is checked out at the remote; use push_branch, or a bare remote`,
    );
  }
}

/** A dry run tells whether we may push at all, without moving anything. */
async function probed(plan: Extract<Delivery, { kind: 'push' }>, ports: DeliveryPorts): Promise<Delivery> {
  await dryPush(plan, ports.signal);
  return plan;
}
