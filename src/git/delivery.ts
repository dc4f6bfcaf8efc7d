import type { BoundaryPoint } from './boundary.ts';
import { type Delivery, planDelivery } from './delivery-plan.ts';
import { pushOnce } from './delivery-push.ts';
import type {
  DeliveryPorts,
  DeliveryProject,
  DeliveryRecord,
  DeliveryRequest,
  DeliveryResult,
} from './delivery-types.ts';
import { GitError, type GitErrorCode } from './git-error.ts';
import type { ProjectConflict } from './landing-types.ts';

/** How often one remote may move under us before we stop running after it. */
const maxMoves = 5;

/** Refusals that trying again does not change; anything else is thrown, and the effect's retry goes on from what is recorded. */
const permanent: ReadonlySet<GitErrorCode> = new Set([
  'invalid_remote_url',
  'remote_scheme_not_allowed',
  'remote_url_has_credentials',
  'remote_needs_password',
  'remote_not_a_repository',
  'remote_refused',
  'remote_branch_checked_out',
  'remote_branch_diverged',
  'remote_branch_blocked',
  'remote_moved',
  'remote_owned_by_another',
  'default_branch_missing',
]);

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
    try {
      const planned = await orRefusal(project, () =>
        planDelivery(project, request, ports, find(stored, project)),
      );
      if ('refusal' in planned) refused.push(planned.refusal);
      else plans.push(planned.value);
    } catch (error) {
      if (!(error instanceof GitError) || ports.signal.aborted) throw error;
      failure ??= error;
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
    const result: DeliveryResult =
      conflicts.length > 0 ? { result: 'conflict', conflicts } : { result: 'refused', projects: records };
    return { result, records };
  }
  return { result: { result: 'delivered', projects: records }, records };
}

type Pushed =
  | { kind: 'delivered'; record: DeliveryRecord }
  | { kind: 'stopped'; record: DeliveryRecord; conflict: ProjectConflict | null };

/** Pushes; a remote that has moved is fetched and merged with again, a bounded number of times. */
async function pushMoving(
  first: Extract<Delivery, { kind: 'push' }>,
  request: DeliveryRequest,
  ports: DeliveryPorts,
): Promise<Pushed> {
  let plan: Delivery = first;
  for (let moves = 0; moves < maxMoves; moves++) {
    if (plan.kind === 'arrived') return { kind: 'delivered', record: plan.record };
    if (plan.kind !== 'push') {
      const conflict = plan.kind === 'conflict' ? plan.conflict : null;
      return {
        kind: 'stopped',
        record: refuse(recordOf(first), 'conflict', 'the remote moved, and what is there now conflicts'),
        conflict,
      };
    }
    const current: Extract<Delivery, { kind: 'push' }> = plan;
    const { project } = current;
    const outcome = await orRefusal(project, async () => {
      const record = await pushOnce(current, ports);
      return record ?? planAgain(current, request, ports);
    });
    if ('refusal' in outcome)
      return {
        kind: 'stopped',
        record: {
          ...recordOf(current),
          ...outcome.refusal,
          before: current.record.before,
          after: current.record.after,
        },
        conflict: null,
      };
    if ('state' in outcome.value) return { kind: 'delivered', record: outcome.value };
    plan = outcome.value;
  }
  return {
    kind: 'stopped',
    record: refuse(
      recordOf(first),
      'remote_moved',
      'the remote moved each time before it could be pushed to',
    ),
    conflict: null,
  };
}

async function planAgain(
  plan: Extract<Delivery, { kind: 'push' }>,
  request: DeliveryRequest,
  ports: DeliveryPorts,
): Promise<Delivery> {
  ports.log.info(
    { effectId: request.effectId, projectId: plan.project.projectId },
    'the remote moved before the push; fetching and merging again',
  );
  const next = await planDelivery(
    { ...plan.project, remote: plan.project.remote.url },
    request,
    ports,
    undefined,
  );
  if (next.kind === 'push') await ports.store.save(request.effectId, request.attempt, [next.record]);
  return next;
}

async function orRefusal<T>(
  project: Omit<DeliveryProject, 'remote'>,
  work: () => Promise<T>,
): Promise<{ value: T } | { refusal: DeliveryRecord }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof GitError) || !permanent.has(error.code)) throw error;
    const { projectId, strategy } = project;
    const remoteRef = `refs/heads/${strategy === 'push_branch' ? project.pushBranch : project.defaultBranch}`;
    return {
      refusal: {
        projectId,
        strategy,
        remoteRef,
        before: null,
        after: null,
        state: 'refused',
        result: strategy === 'push_branch' ? 'pushed' : 'merged',
        code: error.code,
        message: error.message,
      },
    };
  }
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

function recordOf(plan: Delivery): DeliveryRecord {
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

function refuse(
  record: DeliveryRecord,
  code: NonNullable<DeliveryRecord['code']>,
  message: string,
): DeliveryRecord {
  return { ...record, state: 'refused', code, message };
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
