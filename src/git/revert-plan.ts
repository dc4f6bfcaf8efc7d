import { currentTip } from './delivery-plan.ts';
import { dryPush, type PushTarget } from './delivery-push.ts';
import type { DeliveryPorts, DeliveryRecord } from './delivery-types.ts';
import { GitError } from './git-error.ts';
import { revertKeepRef } from './keep-refs.ts';
import type { CommitAuthor, LandingUnit } from './landing-types.ts';
import { branchOf } from './ref-name.ts';
import { parseRemoteUrl } from './remote-url.ts';
import type { Repository } from './repository.ts';
import { revertCommits } from './revert-commits.ts';

export interface RevertProject {
  projectId: string;
  repository: Repository;
  remote: string;
  defaultBranch: string;
  /** What was brought to the remote, or may have been, and was not taken back since: oldest first. */
  brought: readonly DeliveryRecord[];
}

export interface RevertRequest {
  effectId: string;
  attempt: number;
  unit: LandingUnit;
  projects: readonly RevertProject[];
  author: CommitAuthor;
}

export type RevertPorts = Pick<DeliveryPorts, 'store' | 'engine' | 'boundary' | 'signal' | 'log' | 'remotes'>;

/**
 * Decides how what was brought to one remote is taken back, and asks the remote whether it would take that; nothing is pushed. A
 * default branch gets a commit that reverts the merges: it is never rewritten. A branch of ours is put back to where it was, or
 * deleted. Null: it is not there, so there is nothing to take back. Throws GitError where it can not be taken back.
 */
export async function planRevert(
  asked: RevertProject,
  request: RevertRequest,
  ports: RevertPorts,
): Promise<DeliveryRecord | null> {
  const remote = parseRemoteUrl(asked.remote, ports.remotes);
  const project: PushTarget = { ...asked, remote };
  // The ref that was delivered to last; what an earlier strategy brought to another one is taken back after it.
  const refs = new Set(asked.brought.toReversed().map(({ remoteRef }) => remoteRef));
  for (const ref of refs) {
    const tip = await currentTip(project, branchOf(ref), ports.signal);
    const brought = asked.brought.filter(({ remoteRef }) => remoteRef === ref);
    const arrived = await arrivedAt(asked.repository, brought, tip);
    if (tip !== null && arrived.length > 0) return planRef(project, tip, arrived, request, ports);
  }
  return null;
}

/** Of one ref, which stands at `tip` and has all of this. */
async function planRef(
  project: PushTarget,
  tip: string,
  arrived: readonly DeliveryRecord[],
  request: RevertRequest,
  ports: RevertPorts,
): Promise<DeliveryRecord | null> {
  const [oldest, newest] = [arrived[0], arrived.at(-1)];
  if (oldest === undefined || newest === undefined) return null;
  const { repository } = project;
  const { strategy, remoteRef } = newest;
  const record: DeliveryRecord = {
    projectId: project.projectId,
    strategy,
    remoteRef,
    before: tip,
    after: oldest.before,
    state: 'prepared',
    result: 'reverted',
    code: null,
    message: null,
  };
  if (strategy === 'push_branch') {
    await refuseBuiltUpon(project, newest.after ?? '', tip, ports);
    await dryPush({ project, record, rewinds: true }, ports.signal);
    return record;
  }
  const merges = arrived.flatMap(({ before, after }) =>
    before === null || after === null ? [] : [{ before, after }],
  );
  const { unit, effectId, author } = request;
  const commits = await revertCommits(repository, ports.engine, { tip, merges, unit, effectId, author });
  if (commits === null)
    throw new GitError(
      'revert_conflicts',
      `later commits on ${branchOf(remoteRef)} change what was delivered; revert it there by hand, or resume the delivery`,
    );
  await repository.updateRefs([{ ref: revertKeepRef(effectId), new: commits.reapply }]);
  const reverting = { ...record, after: commits.revert };
  await dryPush({ project, record: reverting }, ports.signal);
  return reverting;
}

/** Of what may have been brought there, what the remote has. */
async function arrivedAt(
  repository: Repository,
  brought: readonly DeliveryRecord[],
  tip: string | null,
): Promise<DeliveryRecord[]> {
  const arrived: DeliveryRecord[] = [];
  if (tip === null) return arrived;
  const oids = brought.flatMap(({ after }) => (after === null ? [] : [after]));
  const present = await repository.commitsPresent([...oids, tip]);
  for (const record of brought) {
    const { after } = record;
    if (after === null || !present.has(after) || !present.has(tip)) continue;
    if (await repository.isAncestor(after, tip)) arrived.push(record);
  }
  return arrived;
}

/** A branch of ours goes only while it is what we made it: not with commits of others on it, and not once it was merged. */
async function refuseBuiltUpon(
  project: PushTarget,
  delivered: string,
  tip: string,
  ports: RevertPorts,
): Promise<void> {
  if (tip !== delivered)
    throw new GitError(
      'remote_branch_diverged',
      "the remote's branch has commits that are not ours; delete it there by hand, or resume the delivery",
    );
  const main = await currentTip(project, project.defaultBranch, ports.signal);
  if (main !== null && (await project.repository.isAncestor(delivered, main)))
    throw new GitError(
      'remote_branch_merged',
      `the delivered branch was merged into ${project.defaultBranch} there; revert it there by hand, or resume the delivery`,
    );
}
