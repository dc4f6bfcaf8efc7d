import type { Task } from '../db/entities/task.ts';
import type { Hub } from '../git/hub.ts';
import { lateRef } from './branch-names.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';

/** What was pushed under a lease that was over, and is on no branch. */
export interface LateWork {
  readonly project: string;
  readonly attempt: number;
  readonly commit: string;
  readonly ref: string;
}

/** What came too late in the first so many attempts of a task: kept, and for the next attempt to use. */
export async function lateWork(
  deps: { readonly plan: PlanStore; readonly hub: Hub },
  task: Task,
  attempts: number,
): Promise<LateWork[]> {
  const refs = Array.from({ length: attempts }, (_, index) => ({
    attempt: index + 1,
    ref: lateRef(task.id, index + 1),
  }));
  const found: LateWork[] = [];
  for (const project of await deps.plan.projectsOfTask(task)) {
    const tips = await deps.hub.repository(project.id).readTips(refs.map(({ ref }) => ref));
    for (const { attempt, ref } of refs) {
      const commit = tips.get(ref) ?? null;
      if (commit !== null) found.push({ project: project.key, attempt, commit, ref });
    }
  }
  return found;
}

/** What of that is not contained in what was handed in. */
export async function leftOut(
  deps: { readonly plan: PlanStore; readonly hub: Hub },
  task: Task,
  late: readonly LateWork[],
  heads: Heads,
): Promise<LateWork[]> {
  if (late.length === 0) return [];
  const found: LateWork[] = [];
  const projects = await deps.plan.projectsOfTask(task);
  for (const work of late) {
    const project = projects.find(({ key }) => key === work.project);
    const head = heads[work.project] ?? null;
    if (project === undefined) continue;
    const repository = deps.hub.repository(project.id);
    if (head === null || !(await repository.isAncestor(work.commit, head))) found.push(work);
  }
  return found;
}
