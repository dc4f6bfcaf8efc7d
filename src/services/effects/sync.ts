import type { EffectRun } from '../../actors/effects.ts';
import { hasOpenIntents } from '../../db/intent-store.ts';
import { GitError } from '../../git/git-error.ts';
import { land } from '../../git/landing.ts';
import type { LandingProject, LandingResult, ProjectConflict } from '../../git/landing-types.ts';
import { headRef, initiativeBranch } from '../branch-names.ts';
import type { EffectDeps } from './effect-deps.ts';
import { landingOutput, landingPorts } from './landing-output.ts';

/** Lands the default branches, as they are at their remotes now, on the branch of the initiative: in all projects, or in none. */
export function syncInitiative(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const initiative = await deps.plan.initiative(run.actorId);
    const linked = await deps.plan.linkedProjects(initiative.id);
    // What has begun is brought to its end by its intents alone, whatever the remotes have become since.
    if (!(await hasOpenIntents(deps.sql, run.effectId))) {
      for (const [place, { project }] of linked.entries()) {
        if (place > 0) await deps.boundary('between-fetches');
        await deps.hub.fetch(project, run.signal);
      }
    }
    const targetRef = headRef(initiativeBranch(initiative.key));
    const projects: LandingProject[] = [];
    for (const { project } of linked) {
      const repository = deps.hub.repository(project.id, run.signal);
      const sourceRef = `refs/remotes/origin/${project.defaultBranch}`;
      const tips = await repository.readTips([sourceRef, targetRef]);
      const [source, target] = [tips.get(sourceRef) ?? null, tips.get(targetRef) ?? null];
      if (source === null) {
        throw new GitError('default_branch_missing', `${project.key} has no branch ${project.defaultBranch}`);
      }
      // A merge commit that says nothing would only be in the way of the next delivery.
      const isAhead = target !== null && (await repository.isAncestor(target, source));
      const mode = isAhead ? 'fast_forward' : 'merge';
      projects.push({ projectId: project.id, repository, source, sourceRef, targetRef, mode });
    }
    const result = await land(
      {
        effectId: run.effectId,
        attempt: run.attempt,
        unit: { kind: 'initiative', key: `${initiative.key}/default`, id: initiative.id },
        projects,
        author: deps.author,
      },
      landingPorts(deps, run),
    );
    return landingOutput(deps, run, initiative.id, fromTheInitiative(result));
  };
}

/** Whichever way it is found, the conflict of an initiative is written down as one of its branch with a default branch. */
function fromTheInitiative(result: LandingResult): LandingResult {
  if (result.result !== 'conflict') return result;
  return { ...result, conflicts: result.conflicts.map(turned) };
}

function turned({ source, target, conflicts, projectId }: ProjectConflict): ProjectConflict {
  return {
    projectId,
    source: target,
    target: source,
    conflicts: conflicts.map(({ stages: { 1: base, 2: ours, 3: theirs }, ...conflict }) => ({
      ...conflict,
      stages: {
        ...(base === undefined ? {} : { 1: base }),
        ...(theirs === undefined ? {} : { 2: theirs }),
        ...(ours === undefined ? {} : { 3: ours }),
      },
    })),
  };
}
