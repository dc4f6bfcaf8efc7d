import type { BoundaryPoint } from './boundary.ts';
import { type Delivery, planDelivery, recordOf, remoteRefOf } from './delivery-plan.ts';
import { type Pushed, pushMoving } from './delivery-moving.ts';
import { orRefusal } from './delivery-refusal.ts';
import type {
  DeliveryPorts,
  DeliveryProject,
  DeliveryRecord,
  DeliveryRequest,
  DeliveryResult,
} from './delivery-types.ts';
import { GitError } from './git-error.ts';

/**
 * Brings a unit's heads to the remotes of its projects. Every fetch, probe and merge comes before the first push; then one project
 * after another, each by compare-and-swap, read back and recorded. Several remotes can not be moved together: a permanent refusal
 * after a first success is `partially_delivered`, and running the request again goes on from there.
 */
export async function deliver(asked: DeliveryRequest, ports: DeliveryPorts): Promise<DeliveryResult> {
  // No git of this delivery outlives its right to push.
  const request: DeliveryRequest = {
    ...asked,
    projects: asked.projects.map((project) => ({
      ...project,
      repository: project.repository.until(ports.signal),
    })),
  };
  const pass = async (point: BoundaryPoint): Promise<void> => {
    ports.signal.throwIfAborted();
    await ports.boundary(point);
  };
  const stored = await ports.store.load(request.effectId);
  const plans: Delivery[] = [];
  const refused: DeliveryRecord[] = [];
  let failure: GitError | null = null;
  for (const project of request.projects) {
    const known = find(stored, project);
    try {
      const planned = await orRefusal({ ...project, remoteRef: remoteRefOf(project) }, () =>
        planDelivery(project, request, ports, known),
      );
      if ('refusal' in planned) refused.push(planned.refusal);
      else plans.push(planned.value);
    } catch (error) {
      if (!(error instanceof GitError) || ports.signal.aborted) throw error;
      // What was read back once needs no second look.
      if (error.isUnclear && known?.state === 'delivered')
        plans.push({ kind: 'arrived', delivered: true, record: known });
      else failure ??= error;
    }
  }
  // A remote that already has its commit counts as a success of an earlier run.
  const arrived = plans.flatMap((plan) => (plan.kind === 'arrived' && plan.delivered ? [plan.record] : []));
  if (failure !== null) {
    // If it stays like this, what has arrived must be on record: see `partialDelivery`.
    if (arrived.length > 0) await ports.store.save(request.effectId, request.attempt, arrived);
    throw failure;
  }
  const conflicts = plans.flatMap((plan) => (plan.kind === 'conflict' ? [plan.conflict] : []));
  const stop = stopped(plans);
  // Whatever the result, each project's record says what became of it there.
  const finish = async (
    result: DeliveryResult,
    records: readonly DeliveryRecord[],
  ): Promise<DeliveryResult> => {
    await ports.store.save(request.effectId, request.attempt, records);
    await pass('before-delivery-result');
    return result;
  };
  const projects = inOrder(request, [...plans.map(recordOf), ...refused]);
  if (stop !== null && arrived.length === 0) return finish(stop, projects);
  if (refused.length > 0 || conflicts.length > 0 || stop !== null) {
    if (arrived.length > 0) return finish({ result: 'partially_delivered', projects, conflicts }, projects);
    const result: DeliveryResult =
      conflicts.length > 0 ? { result: 'conflict', conflicts } : { result: 'refused', projects };
    return finish(result, projects);
  }

  await ports.store.save(request.effectId, request.attempt, projects);
  const { result, records } = await pushAll(request, ports, plans, pass);
  return finish(result, records);
}

async function pushAll(
  request: DeliveryRequest,
  ports: DeliveryPorts,
  plans: readonly Delivery[],
  pass: (point: BoundaryPoint) => Promise<void>,
): Promise<{ result: DeliveryResult; records: readonly DeliveryRecord[] }> {
  const records = plans.map(recordOf);
  let delivered = plans.filter((plan) => plan.kind === 'arrived' && plan.delivered).length;
  let pushed = 0;
  for (const [index, plan] of plans.entries()) {
    if (plan.kind !== 'push') continue;
    await pass(pushed === 0 ? 'before-push' : 'between-pushes');
    pushed++;
    const outcome = await pushMoving(plan, request, ports);
    if (outcome.kind === 'delivered') {
      delivered++;
      records[index] = outcome.record;
      await ports.store.save(request.effectId, request.attempt, [outcome.record]);
      await pass('after-push');
      continue;
    }
    records[index] = outcome.record;
    const conflicts = outcome.conflict === null ? [] : [outcome.conflict];
    if (delivered > 0)
      return { result: { result: 'partially_delivered', projects: records, conflicts }, records };
    return { result: nothingPushed(outcome, records), records };
  }
  return { result: { result: 'delivered', projects: records }, records };
}

function nothingPushed(
  { record, conflict }: Extract<Pushed, { kind: 'stopped' }>,
  projects: DeliveryRecord[],
): DeliveryResult {
  if (conflict !== null) return { result: 'conflict', conflicts: [conflict] };
  if (record.code === 'heads_moved')
    return { result: 'heads_moved', projects, message: record.message ?? 'the heads have moved' };
  return { result: 'refused', projects };
}

function stopped(plans: readonly Delivery[]): DeliveryResult | null {
  for (const reason of ['source_lost', 'unrelated'] as const) {
    const projects = plans.flatMap((plan) =>
      plan.kind === 'stop' && plan.reason === reason ? [plan.project] : [],
    );
    if (projects.length > 0) return { result: reason, projects };
  }
  return null;
}

function find(stored: readonly DeliveryRecord[], project: DeliveryProject): DeliveryRecord | undefined {
  return stored.find(
    (record) => record.projectId === project.projectId && record.strategy === project.strategy,
  );
}

function inOrder(request: DeliveryRequest, records: readonly DeliveryRecord[]): DeliveryRecord[] {
  return request.projects.flatMap(
    (project) => records.find((record) => record.projectId === project.projectId) ?? [],
  );
}
