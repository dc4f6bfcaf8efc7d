import type { EffectRun } from '../../actors/effects.ts';
import type { JsonObject } from '../../actors/json.ts';
import { deliver } from '../../git/delivery.ts';
import { recordArrivals } from '../../git/delivery-arrivals.ts';
import { partialDelivery } from '../../git/delivery-partial.ts';
import type { DeliveryResult } from '../../git/delivery-types.ts';
import { agreementOn, differing, newsText } from '../agreed-heads.ts';
import { deliveredBranch } from '../branch-names.ts';
import { getReview, putConflict } from '../work-store.ts';
import { deliveryRefusal } from './delivery-output.ts';
import type { EffectDeps } from './effect-deps.ts';
import { conflictRecords, projectNames } from './landing-output.ts';

/** Delivers the approved heads to the remote of each project; what was delivered by an earlier run is recognized and kept. */
export function deliverInitiative(deps: EffectDeps) {
  return async (run: EffectRun): Promise<JsonObject> => {
    const initiative = await deps.plan.initiative(run.actorId);
    const approved = run.input['approved'];
    const review = typeof approved === 'string' ? await getReview(deps.sql, initiative.id, approved) : null;
    if (review === null) return headsMoved(deps, run, 'the approved heads are not on record');
    const agreement = await agreementOn(deps, { kind: 'initiative', id: initiative.id }, review);
    if (!agreement.stands) return headsMoved(deps, run, newsText(agreement.news));
    const projects = (await remotesOf(deps, run)).map(({ key, strategy, target }) => ({
      ...target,
      strategy,
      source: agreement.heads[key] ?? null,
      pushBranch: deliveredBranch(initiative.key),
    }));
    const result = await deliver(
      {
        effectId: run.effectId,
        attempt: run.attempt,
        unit: { kind: 'initiative', key: initiative.key, id: initiative.id },
        projects,
        author: deps.author,
      },
      {
        store: deps.deliveries,
        engine: deps.engine,
        boundary: deps.boundary,
        signal: run.signal,
        log: deps.log,
        remotes: deps.remotes,
        stillApproved: async () => {
          const again = await agreementOn(deps, { kind: 'initiative', id: initiative.id }, review);
          if (!again.stands) return newsText(again.news);
          const moved = differing(again.heads, agreement.heads);
          return moved.length === 0 ? null : `the heads of ${moved.join(', ')} have moved`;
        },
      },
    );
    const output = await deliveryOutput(deps, run, result);
    return agreement.because === null ? output : { ...output, because: agreement.because };
  };
}

/** Where each project of the initiative is delivered to, and how. */
async function remotesOf(deps: EffectDeps, run: EffectRun) {
  return (await deps.plan.linkedProjects(run.actorId)).map(({ project, strategy }) => ({
    key: project.key,
    strategy,
    target: {
      projectId: project.id,
      repository: deps.hub.repository(project.id, run.signal),
      remote: project.remote,
      defaultBranch: project.defaultBranch,
    },
  }));
}

/** Nothing more is pushed. What an earlier run of this delivery has brought to a remote, or may have, is partially delivered. */
async function headsMoved(deps: EffectDeps, run: EffectRun, why: string): Promise<JsonObject> {
  const { effectId, attempt, signal } = run;
  const ports = { store: deps.deliveries, signal, remotes: deps.remotes };
  const projects = (await remotesOf(deps, run)).map(({ target }) => target);
  await recordArrivals({ effectId, attempt, projects }, ports);
  const partial = await partialDelivery(deps.deliveries, effectId);
  if (partial === null) return { result: 'heads_moved', message: why };
  return { result: partial.result, message: `heads_moved: ${why}`.slice(0, 400) };
}

async function deliveryOutput(
  deps: EffectDeps,
  run: EffectRun,
  delivery: DeliveryResult,
): Promise<JsonObject> {
  const names = await projectNames(deps, run.actorId);
  const name = (id: string) => names.get(id) ?? id;
  switch (delivery.result) {
    case 'delivered':
      return { result: 'delivered' };
    case 'conflict':
      await putConflict(deps.sql, run.actorId, run.effectId, conflictRecords(delivery.conflicts, names));
      return {
        result: 'conflict',
        message: `does not merge cleanly in ${delivery.conflicts.map(({ projectId }) => name(projectId)).join(', ')}`,
        projects: delivery.conflicts.map(({ projectId }) => name(projectId)),
      };
    case 'heads_moved':
      return { result: 'heads_moved', message: delivery.message };
    case 'source_lost':
    case 'unrelated':
      return {
        result: delivery.result,
        message: `${delivery.result.replaceAll('_', ' ')} in ${delivery.projects.map(({ projectId }) => name(projectId)).join(', ')}`,
      };
    case 'refused':
    case 'partially_delivered':
      return deliveryRefusal(deps, run.actorId, delivery.result, delivery.projects);
  }
}
