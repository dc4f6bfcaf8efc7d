import type { EffectRun } from '../../actors/effects.ts';
import type { JsonObject } from '../../actors/json.ts';
import { deliver } from '../../git/delivery.ts';
import type { DeliveryProject, DeliveryRecord, DeliveryResult } from '../../git/delivery-types.ts';
import { agreementOn, newsText } from '../agreed-heads.ts';
import { deliveredBranch } from '../branch-names.ts';
import { getReview, putConflict } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';
import { conflictRecords, projectNames } from './landing-output.ts';

/** Delivers the approved heads to the remote of each project; what was delivered by an earlier run is recognized and kept. */
export function deliverInitiative(deps: EffectDeps) {
  return async (run: EffectRun): Promise<JsonObject> => {
    const initiative = await deps.plan.initiative(run.actorId);
    const approved = run.input['approved'];
    const review = typeof approved === 'string' ? await getReview(deps.sql, initiative.id, approved) : null;
    if (review === null) return { result: 'heads_moved', message: 'the approved heads are not on record' };
    const agreement = await agreementOn(deps, { kind: 'initiative', id: initiative.id }, review);
    if (!agreement.stands) return { result: 'heads_moved', message: newsText(agreement.news) };
    const projects: DeliveryProject[] = [];
    for (const { project, strategy } of await deps.plan.linkedProjects(initiative.id)) {
      projects.push({
        projectId: project.id,
        repository: deps.hub.repository(project.id, run.signal),
        remote: project.remote,
        defaultBranch: project.defaultBranch,
        strategy,
        source: agreement.heads[project.key] ?? null,
        pushBranch: deliveredBranch(initiative.key),
      });
    }
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
      },
    );
    const output = await deliveryOutput(deps, run, result);
    return agreement.because === null ? output : { ...output, because: agreement.because };
  };
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
    case 'source_lost':
    case 'unrelated':
      return {
        result: delivery.result,
        message: `${delivery.result.replaceAll('_', ' ')} in ${delivery.projects.map(({ projectId }) => name(projectId)).join(', ')}`,
      };
    case 'refused':
    case 'partially_delivered':
      await rememberCheckedOut(deps, delivery.projects);
      return {
        result: delivery.result === 'refused' ? commonCode(delivery.projects) : delivery.result,
        message: delivery.projects
          .filter(({ state }) => state === 'refused')
          .map(({ projectId, code, message }) => `${name(projectId)}: ${code ?? 'refused'} ${message ?? ''}`)
          .join('; ')
          .slice(0, 400),
      };
  }
}

/** Why nothing was delivered: the code of the remotes that refused, if it is the same for all of them. Each has its own in its record. */
function commonCode(records: readonly DeliveryRecord[]): string {
  const codes = new Set(records.filter(({ state }) => state === 'refused').map(({ code }) => code));
  const [code] = codes;
  return codes.size === 1 ? (code ?? 'refused') : 'refused';
}

/** From git's own refusal it is known that this remote takes no push to that branch: it is not offered again. */
async function rememberCheckedOut(deps: EffectDeps, records: readonly DeliveryRecord[]): Promise<void> {
  const ids = records
    .filter(({ code }) => code === 'remote_branch_checked_out')
    .map(({ projectId }) => projectId);
  if (ids.length === 0) return;
  await deps.sql.query('UPDATE project SET checked_out = true WHERE id = ANY($1::uuid[])', [ids]);
}
