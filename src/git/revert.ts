import type { BoundaryPoint } from './boundary.ts';
import { currentTip } from './delivery-plan.ts';
import { hasArrived, pushOnce } from './delivery-push.ts';
import { orRefusal } from './delivery-refusal.ts';
import type { DeliveryRecord } from './delivery-types.ts';
import { branchOf } from './ref-name.ts';
import { followDefault } from './remote-fetch.ts';
import { parseRemoteUrl } from './remote-url.ts';
import { planRevert, type RevertPorts, type RevertProject, type RevertRequest } from './revert-plan.ts';

export interface RevertPlan {
  /** `refused`: a remote would refuse, and nothing is taken back anywhere. */
  result: 'prepared' | 'refused';
  projects: DeliveryRecord[];
}

export interface RevertResult {
  /** `moved`: a remote has moved since it was planned, and has to be looked at again; the others were taken back. */
  result: 'reverted' | 'moved' | 'refused';
  projects: DeliveryRecord[];
}

/** Plans for every project, before anything is pushed, how a partial delivery is taken back. Throws what the next attempt may mend. */
export async function prepareRevert(request: RevertRequest, ports: RevertPorts): Promise<RevertPlan> {
  const prepared: DeliveryRecord[] = [];
  const refused: DeliveryRecord[] = [];
  for (const asked of request.projects) {
    const project = { ...asked, repository: asked.repository.until(ports.signal) };
    const newest = project.brought.at(-1);
    if (newest === undefined) continue;
    const planned = await refusable(newest, () => planRevert(project, request, ports));
    if ('refusal' in planned) refused.push(planned.refusal);
    else if (planned.value !== null) prepared.push(planned.value);
  }
  const projects = refused.length > 0 ? refused : prepared;
  await ports.store.save(request.effectId, request.attempt, projects);
  return { result: refused.length > 0 ? 'refused' : 'prepared', projects };
}

/**
 * Pushes what was planned, one project after another, each by compare-and-swap, read back and recorded. Running it again goes on from
 * what the remotes have. A remote that refuses does not keep the others from being taken back.
 */
export async function pushReverts(
  request: RevertRequest,
  planned: readonly DeliveryRecord[],
  ports: RevertPorts,
): Promise<RevertResult> {
  const pass = async (point: BoundaryPoint): Promise<void> => {
    ports.signal.throwIfAborted();
    await ports.boundary(point);
  };
  const projects: DeliveryRecord[] = [];
  for (const [index, record] of planned.entries()) {
    const asked = request.projects.find(({ projectId }) => projectId === record.projectId);
    if (asked === undefined) continue;
    await pass(index === 0 ? 'before-push' : 'between-pushes');
    const pushed = await refusable(record, () => pushRevert(asked, record, ports));
    const ended = 'refusal' in pushed ? pushed.refusal : pushed.value;
    projects.push(ended);
    await ports.store.save(request.effectId, request.attempt, [ended]);
    await pass('after-push');
  }
  await pass('before-delivery-result');
  const states = new Set(projects.map(({ state }) => state));
  const result = states.has('refused') ? 'refused' : states.has('prepared') ? 'moved' : 'reverted';
  return { result, projects };
}

/** The record as it is afterwards: still `prepared` where the remote has moved. */
async function pushRevert(
  asked: RevertProject,
  record: DeliveryRecord,
  ports: RevertPorts,
): Promise<DeliveryRecord> {
  const repository = asked.repository.until(ports.signal);
  const project = { ...asked, repository, remote: parseRemoteUrl(asked.remote, ports.remotes) };
  const push = { project, record, rewinds: record.strategy === 'push_branch' };
  const reverted: DeliveryRecord = { ...record, state: 'reverted' };
  const tip = await currentTip(project, branchOf(record.remoteRef), ports.signal);
  if (await hasArrived(push, tip)) {
    if (record.strategy === 'merge_and_push') await followDefault(repository, asked.defaultBranch);
    return reverted;
  }
  if (tip !== record.before) return record;
  return (await pushOnce(push, ports)) ? reverted : record;
}

async function refusable<T>(
  record: DeliveryRecord,
  work: () => Promise<T>,
): Promise<{ value: T } | { refusal: DeliveryRecord }> {
  const outcome = await orRefusal(record, work);
  return 'refusal' in outcome ? { refusal: { ...outcome.refusal, result: 'reverted' } } : outcome;
}
