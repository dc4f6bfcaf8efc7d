import type { EffectRun } from '../../actors/effects.ts';
import type { JsonObject } from '../../actors/json.ts';
import { hasOpenIntents } from '../../db/intent-store.ts';
import type { DeliveryRecord } from '../../git/delivery-types.ts';
import { revertKeepRef } from '../../git/keep-refs.ts';
import { land } from '../../git/landing.ts';
import type { LandingProject } from '../../git/landing-types.ts';
import { prepareRevert, pushReverts } from '../../git/revert.ts';
import type { RevertPorts, RevertRequest } from '../../git/revert-plan.ts';
import { headRef, initiativeBranch } from '../branch-names.ts';
import { broughtTo } from '../delivery-records.ts';
import { deliveryRefusal } from './delivery-output.ts';
import type { EffectDeps } from './effect-deps.ts';
import { landingOutput, landingPorts } from './landing-output.ts';

/**
 * Plans how a partial delivery is taken back, asks every remote whether it would take that, and lands on the branch of the initiative
 * what gives the work again: from then on it can be delivered once more, whether the remotes get the revert or not. Nothing is pushed.
 */
export function prepareRevertOf(deps: EffectDeps) {
  return async (run: EffectRun): Promise<JsonObject> => {
    const request = await requestOf(deps, run);
    // What has begun is brought to its end by its intents alone, whatever the remotes have become since.
    if (!(await hasOpenIntents(deps.sql, run.effectId))) {
      const plan = await prepareRevert(request, portsOf(deps, run));
      if (plan.result === 'refused') return deliveryRefusal(deps, run.actorId, 'refused', plan.projects);
    }
    const projects = await reapplied(deps, run, request);
    if (projects.length > 0) {
      const { effectId, attempt, unit, author } = request;
      const landing = await land({ effectId, attempt, unit, author, projects }, landingPorts(deps, run));
      if (landing.result !== 'landed') return landingOutput(deps, run, run.actorId, landing);
    }
    return { result: 'prepared', plan: run.effectId };
  };
}

/** Pushes what was planned to the remotes; what an earlier run has pushed is recognized. */
export function pushRevertOf(deps: EffectDeps) {
  return async (run: EffectRun): Promise<JsonObject> => {
    const request = await requestOf(deps, run);
    const { plan } = run.input;
    const planned = typeof plan === 'string' ? await deps.deliveries.load(plan) : [];
    const { result, projects } = await pushReverts(request, planned, portsOf(deps, run));
    if (result === 'refused') return deliveryRefusal(deps, run.actorId, 'revert_refused', projects);
    if (result === 'moved')
      return { result: 'remote_moved', message: 'a remote has moved since it was planned' };
    // Of a project without a plan, the remote has nothing; of these it may have more, on another branch.
    const brought = await broughtTo(deps.sql, run.actorId);
    const isMore = planned.some(({ projectId }) => (brought.get(projectId) ?? []).length > 0);
    return { result: isMore ? 'more_brought' : 'reverted' };
  };
}

async function requestOf(deps: EffectDeps, run: EffectRun): Promise<RevertRequest> {
  const initiative = await deps.plan.initiative(run.actorId);
  const brought = await broughtTo(deps.sql, initiative.id);
  return {
    effectId: run.effectId,
    attempt: run.attempt,
    unit: { kind: 'initiative', key: initiative.key, id: initiative.id },
    author: deps.author,
    projects: (await deps.plan.linkedProjects(initiative.id)).map(({ project }) => ({
      projectId: project.id,
      repository: deps.hub.repository(project.id, run.signal),
      remote: project.remote,
      defaultBranch: project.defaultBranch,
      brought: brought.get(project.id) ?? [],
    })),
  };
}

/** What the plan of this effect lands on the branch of the initiative. */
async function reapplied(
  deps: EffectDeps,
  run: EffectRun,
  request: RevertRequest,
): Promise<LandingProject[]> {
  const { key } = await deps.plan.initiative(run.actorId);
  const [sourceRef, targetRef] = [revertKeepRef(run.effectId), headRef(initiativeBranch(key))];
  const merged = (record: DeliveryRecord) => record.strategy === 'merge_and_push';
  const projects: LandingProject[] = [];
  for (const { projectId } of (await deps.deliveries.load(run.effectId)).filter(merged)) {
    const project = request.projects.find((one) => one.projectId === projectId);
    if (project === undefined) continue;
    const { repository } = project;
    const tips = await repository.readTips([sourceRef, targetRef]);
    const [source, target] = [tips.get(sourceRef) ?? null, tips.get(targetRef) ?? null];
    const isAhead = source !== null && target !== null && (await repository.isAncestor(target, source));
    const mode = isAhead ? 'fast_forward' : 'merge';
    projects.push({ projectId, repository, source, sourceRef, targetRef, mode });
  }
  return projects;
}

function portsOf(deps: EffectDeps, run: EffectRun): RevertPorts {
  return {
    store: deps.deliveries,
    engine: deps.engine,
    boundary: deps.boundary,
    signal: run.signal,
    log: deps.log,
    remotes: deps.remotes,
  };
}
