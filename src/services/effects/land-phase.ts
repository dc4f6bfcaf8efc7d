import type { EffectRun } from '../../actors/effects.ts';
import { hasOpenIntents } from '../../db/intent-store.ts';
import { land } from '../../git/landing.ts';
import type { LandingProject } from '../../git/landing-types.ts';
import { agreementOn, newsText } from '../agreed-heads.ts';
import { headRef, initiativeBranch, phaseBranch } from '../branch-names.ts';
import { getReview } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';
import { landingOutput, landingPorts } from './landing-output.ts';

/** Lands a phase on the branch of its initiative: the approved heads exactly, or in yolo mode the tips as they are. */
export function landPhase(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const phase = await deps.plan.phase(run.actorId);
    const initiative = await deps.plan.initiative(phase.initiativeId);
    const approved = run.input['approved'];
    const review = typeof approved === 'string' ? await getReview(deps.sql, phase.id, approved) : null;
    // What has begun is brought to its end by its intents and the refs alone, whatever has become of the branch since.
    const hasBegun = await hasOpenIntents(deps.sql, run.effectId);
    if (typeof approved === 'string' && review === null && !hasBegun) {
      return { result: 'heads_moved', message: 'the approved heads are not on record' };
    }
    const agreement =
      review === null || hasBegun ? null : await agreementOn(deps, { kind: 'phase', id: phase.id }, review);
    if (agreement?.stands === false) return { result: 'heads_moved', message: newsText(agreement.news) };
    const because = agreement?.because ?? null;
    const agreed = agreement?.heads ?? review?.heads ?? null;
    const sourceRef = headRef(phaseBranch(initiative.key, phase.key));
    const projects: LandingProject[] = [];
    for (const { project } of await deps.plan.linkedProjects(initiative.id)) {
      const repository = deps.hub.repository(project.id, run.signal);
      const tip = await repository.readTip(sourceRef);
      // The branch was made in every project when the phase opened: without it, work is lost, not absent.
      if (tip === null && !hasBegun)
        return { result: 'source_lost', message: `${project.key} has no branch ${sourceRef}` };
      const source = agreed === null ? tip : (agreed[project.key] ?? null);
      projects.push({
        projectId: project.id,
        repository,
        source,
        ...(agreed !== null && source !== null ? { pinned: source } : {}),
        sourceRef,
        targetRef: headRef(initiativeBranch(initiative.key)),
        mode: 'merge',
      });
    }
    const result = await land(
      {
        effectId: run.effectId,
        attempt: run.attempt,
        unit: { kind: 'phase', key: `${initiative.key}/${phase.key}`, id: phase.id },
        projects,
        author: deps.author,
      },
      landingPorts(deps, run),
    );
    const output = await landingOutput(deps, run, initiative.id, result);
    return because === null ? output : { ...output, because };
  };
}
