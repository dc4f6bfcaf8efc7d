import type { Hub } from '../git/hub.ts';
import { headRef, initiativeBranch, phaseBranch } from './branch-names.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';

/** What stands in git now for a unit under review, and what it would be landed on. */
export interface ReviewHeads {
  readonly heads: Heads;
  readonly base: Heads;
}

/** The same, with where the branches stand, contained in the target or not. */
export interface BranchHeads extends ReviewHeads {
  readonly tips: Heads;
}

/** Reads the heads of a phase or initiative; null where it has nothing that its target lacks. */
export async function readReviewHeads(
  deps: { plan: PlanStore; hub: Hub },
  kind: 'initiative' | 'phase',
  id: string,
): Promise<BranchHeads> {
  const { initiativeId, sourceRef } = await source(deps.plan, kind, id);
  const initiative = await deps.plan.initiative(initiativeId);
  const heads: Record<string, string | null> = {};
  const base: Record<string, string | null> = {};
  const branches: Record<string, string | null> = {};
  for (const { project } of await deps.plan.linkedProjects(initiativeId)) {
    const repository = deps.hub.repository(project.id);
    const targetRef =
      kind === 'phase' ? headRef(initiativeBranch(initiative.key)) : headRef(project.defaultBranch);
    const tips = await repository.readTips([sourceRef, targetRef]);
    const head = tips.get(sourceRef) ?? null;
    const target = tips.get(targetRef) ?? null;
    const untouched = head === null || (target !== null && (await repository.isAncestor(head, target)));
    heads[project.key] = untouched ? null : head;
    base[project.key] = target;
    branches[project.key] = head;
  }
  return { heads, base, tips: branches };
}

async function source(plan: PlanStore, kind: 'initiative' | 'phase', id: string) {
  if (kind === 'initiative') {
    const initiative = await plan.initiative(id);
    return { initiativeId: initiative.id, sourceRef: headRef(initiativeBranch(initiative.key)) };
  }
  const phase = await plan.phase(id);
  const initiative = await plan.initiative(phase.initiativeId);
  return {
    initiativeId: initiative.id,
    sourceRef: headRef(phaseBranch(initiative.key, phase.key)),
  };
}
