import type { EffectRun } from '../../actors/effects.ts';
import type { Repository } from '../../git/repository.ts';
import { backupRef, headRef, initiativeBranch, phaseBranch, taskBranch } from '../branch-names.ts';
import type { EffectDeps } from './effect-deps.ts';

/** What ends in one project. */
interface Tips {
  readonly repository: Repository;
  readonly tips: readonly string[];
}

/** Every commit of a canceled task stays reachable: its branch and the branches of its attempts get backup refs. */
export function retireTask(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const task = await deps.plan.task(run.actorId);
    const phase = await deps.plan.phase(task.phaseId);
    const initiative = await deps.plan.initiative(task.initiativeId);
    const attempts = `refs/heads/signalbox/${initiative.key}/attempt/${phase.key}/${task.key}`;
    const ended: Tips[] = [];
    for (const project of await deps.plan.projectsOfTask(task)) {
      const repository = deps.hub.repository(project.id);
      const tips = await repository.readRefs(attempts);
      const own = headRef(taskBranch(initiative.key, phase.key, task.key));
      const tip = await repository.readTip(own);
      ended.push({ repository, tips: [...tips.values(), ...(tip === null ? [] : [tip])] });
    }
    await backUp(deps, task.id, ended);
    return {};
  };
}

export function retirePhase(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const phase = await deps.plan.phase(run.actorId);
    const initiative = await deps.plan.initiative(phase.initiativeId);
    await backUpBranch(deps, initiative.id, phase.id, phaseBranch(initiative.key, phase.key));
    return {};
  };
}

export function retireInitiative(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const initiative = await deps.plan.initiative(run.actorId);
    await backUpBranch(deps, initiative.id, initiative.id, initiativeBranch(initiative.key));
    return {};
  };
}

async function backUpBranch(deps: EffectDeps, initiativeId: string, unitId: string, branch: string) {
  const ended: Tips[] = [];
  for (const { project } of await deps.plan.linkedProjects(initiativeId)) {
    const repository = deps.hub.repository(project.id);
    const tip = await repository.readTip(headRef(branch));
    ended.push({ repository, tips: tip === null ? [] : [tip] });
  }
  await backUp(deps, unitId, ended);
}

/** One ref after the other: a run that was cut off is made good by the next. */
async function backUp(deps: EffectDeps, unitId: string, ended: readonly Tips[]): Promise<void> {
  let written = 0;
  for (const { repository, tips } of ended) {
    for (const tip of new Set(tips)) {
      await deps.boundary(written === 0 ? 'before-backup' : 'between-backups');
      await repository.createRefIfMissing(backupRef(unitId, tip), tip);
      written += 1;
    }
  }
  await deps.boundary('before-retired');
}
