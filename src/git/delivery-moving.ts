import { type Delivery, planDelivery, recordOf } from './delivery-plan.ts';
import { pushOnce } from './delivery-push.ts';
import { orRefusal, refuse } from './delivery-refusal.ts';
import type { DeliveryPorts, DeliveryRecord, DeliveryRequest } from './delivery-types.ts';
import type { ProjectConflict } from './landing-types.ts';

/** How often one remote may move under us before we stop running after it. */
const maxMoves = 5;

/** What a push has come to in one project. */
export type Pushed =
  | { kind: 'delivered'; record: DeliveryRecord }
  | { kind: 'stopped'; record: DeliveryRecord; conflict: ProjectConflict | null };

/** Pushes; a remote that has moved is fetched and merged with again, a bounded number of times and while the approval stands. */
export async function pushMoving(
  first: Extract<Delivery, { kind: 'push' }>,
  request: DeliveryRequest,
  ports: DeliveryPorts,
): Promise<Pushed> {
  let plan: Delivery = first;
  for (let moves = 0; moves < maxMoves; moves++) {
    if (plan.kind === 'arrived') return { kind: 'delivered', record: plan.record };
    const news = moves === 0 ? null : ((await ports.stillApproved?.()) ?? null);
    if (news !== null)
      return { kind: 'stopped', record: refuse(recordOf(plan), 'heads_moved', news), conflict: null };
    if (plan.kind === 'stop') return { kind: 'stopped', record: recordOf(plan), conflict: null };
    if (plan.kind === 'conflict')
      return {
        kind: 'stopped',
        record: refuse(recordOf(first), 'conflict', 'the remote moved, and what is there now conflicts'),
        conflict: plan.conflict,
      };
    const current: Extract<Delivery, { kind: 'push' }> = plan;
    const outcome = await orRefusal(current.record, async () => {
      const taken = await pushOnce(current, ports);
      return taken ? { ...current.record, state: 'delivered' as const } : planAgain(current, request, ports);
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
