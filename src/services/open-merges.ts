import type { Task } from '../db/entities/task.ts';
import type { Hub } from '../git/hub.ts';
import type { MergeEngine } from '../git/merge-engine.ts';
import type { Repository } from '../git/repository.ts';
import { resolutionFaults } from '../git/resolution.ts';
import { attemptRefs, headRef, phaseBranch } from './branch-names.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';

interface Deps {
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly engine: MergeEngine;
}

/**
 * For a review or merge task, which starts from the tip of the phase: what has to be merged there and is not contained yet. That is
 * what the last attempt pushed, so that its work is not left behind, or for a merge task the commits whose conflict it resolves. A
 * resolution in which the change of a side is gone is not gone on with: whoever merged it would be refused for it, attempt after attempt.
 */
export async function openMerges(
  deps: Deps,
  task: Task,
  attempt: number,
  heads: Heads,
): Promise<Record<string, string>> {
  if (task.category === 'execute') return {};
  const phase = await deps.plan.phase(task.phaseId);
  const initiative = await deps.plan.initiative(task.initiativeId);
  const target = headRef(phaseBranch(initiative.key, phase.key));
  const open: Record<string, string> = {};
  for (const project of await deps.plan.projectsOfTask(task)) {
    const repository = deps.hub.repository(project.id);
    const earlier = attemptRefs(initiative.key, phase.key, task.key, attempt - 1);
    const tips = await repository.readTips([target, ...earlier]);
    const tip = tips.get(target) ?? null;
    const isOpen = async (commit: string) => tip === null || !(await repository.isAncestor(commit, tip));
    const head = heads[project.key] ?? null;
    const last = earlier.map((ref) => tips.get(ref) ?? null).find((found) => found !== null) ?? null;
    if (
      last !== null &&
      (await isOpen(last)) &&
      (head === null || (await hasBoth(deps.engine, repository, { tip, head, last })))
    ) {
      open[project.key] = last;
    } else if (head !== null && (await isOpen(head))) {
      open[project.key] = head;
    }
  }
  return open;
}

/** What was pushed merges what it had to, and neither side's change is gone; conflict markers can still be resolved. */
async function hasBoth(
  engine: MergeEngine,
  repository: Repository,
  { tip, head, last }: { tip: string | null; head: string; last: string },
): Promise<boolean> {
  if (!(await repository.isAncestor(head, last))) return false;
  const ours = tip === null ? null : await repository.mergeBase(tip, last);
  if (ours === null) return true;
  const faults = await resolutionFaults(repository, engine, { ours, theirs: head, head: last });
  return faults.every(({ fault }) => fault === 'markers');
}
