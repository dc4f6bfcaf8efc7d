import type { EffectRun } from '../../actors/effects.ts';
import { GitError } from '../../git/git-error.ts';
import { headRef, initiativeBranch, phaseBranch } from '../branch-names.ts';
import type { EffectDeps } from './effect-deps.ts';

/** Fetches every remote and makes the branch of the initiative from the tip of the default branch. */
export function openInitiative(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const initiative = await deps.plan.initiative(run.actorId);
    const linked = await deps.plan.linkedProjects(initiative.id);
    for (const { project } of linked) await deps.hub.fetch(project);
    for (const { project } of linked) {
      const repository = deps.hub.repository(project.id);
      const tip = await repository.readTip(headRef(project.defaultBranch));
      if (tip === null) {
        throw new GitError('default_branch_missing', `${project.key} has no branch ${project.defaultBranch}`);
      }
      await repository.createRefIfMissing(headRef(initiativeBranch(initiative.key)), tip);
    }
    return {};
  };
}

/** Makes the branch of the phase from the tip of the initiative, in every project. */
export function openPhase(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const phase = await deps.plan.phase(run.actorId);
    const initiative = await deps.plan.initiative(phase.initiativeId);
    for (const { project } of await deps.plan.linkedProjects(initiative.id)) {
      const repository = deps.hub.repository(project.id);
      const source = headRef(initiativeBranch(initiative.key));
      const tip = await repository.readTip(source);
      if (tip === null) throw new GitError('target_missing', `${project.key} has no branch ${source}`);
      await repository.createRefIfMissing(headRef(phaseBranch(initiative.key, phase.key)), tip);
    }
    return {};
  };
}
