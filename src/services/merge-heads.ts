import { childId } from '../actors/address.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { Task } from '../db/entities/task.ts';
import type { Boundary } from '../git/boundary.ts';
import type { Hub } from '../git/hub.ts';
import { headRef, mergeBranch } from './branch-names.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import { getConflict, getSubmission } from './work-store.ts';

interface MergeDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly actors: () => Pick<Runtime, 'peek'>;
}

/** The actor whose conflict a merge task resolves; null for every other task. */
export function conflictedUnit(task: Task): string | null {
  switch (task.conflictOf) {
    case 'task':
      return typeof task.resolves === 'number' ? childId(task.phaseId, task.resolves) : null;
    case 'phase':
      return task.phaseId;
    case 'initiative':
      return task.initiativeId;
    case null:
    case undefined:
      return null;
  }
}

/**
 * What a merge task has to bring onto the branch of its phase, by project: what the conflicted task has handed in, the tip of the
 * initiative that its phase conflicts with, or the tips of the default branches. From its first claim on these are the commits that
 * were pinned then. Empty for every other task.
 */
export async function mergeHeads(deps: MergeDeps, task: Task): Promise<Heads> {
  const ref = await mergeRef(deps.plan, task);
  if (ref === null) return {};
  const wanted = await recorded(deps, task);
  const heads: Record<string, string | null> = {};
  for (const project of await deps.plan.projectsOfTask(task)) {
    const pinned = await deps.hub.repository(project.id).readTip(ref);
    heads[project.key] = pinned ?? wanted[project.key] ?? null;
  }
  return heads;
}

/** Pins them, so that its agent can fetch them by a name, and so that they stay what they are. */
export async function pinMergeHeads(
  deps: MergeDeps & { readonly boundary: Boundary },
  task: Task,
): Promise<Heads> {
  const [ref, heads] = [await mergeRef(deps.plan, task), await mergeHeads(deps, task)];
  if (ref === null) return heads;
  const pinned: Record<string, string | null> = { ...heads };
  let pins = 0;
  for (const project of await deps.plan.projectsOfTask(task)) {
    const head = heads[project.key] ?? null;
    if (head === null) continue;
    if (pins > 0) await deps.boundary('between-pins');
    pins += 1;
    pinned[project.key] = (await deps.hub.repository(project.id).createRefIfMissing(ref, head)).tip;
  }
  return pinned;
}

/** The ref that pins them. */
export async function mergeRef(plan: PlanStore, task: Task): Promise<string | null> {
  if (conflictedUnit(task) === null) return null;
  const phase = await plan.phase(task.phaseId);
  const initiative = await plan.initiative(task.initiativeId);
  return headRef(mergeBranch(initiative.key, phase.key, task.key));
}

async function recorded({ sql, actors }: MergeDeps, task: Task): Promise<Heads> {
  const unit = conflictedUnit(task);
  if (unit === null) return {};
  if (task.conflictOf === 'task') {
    const digest = (await actors().peek(unit))?.context['submission'];
    return typeof digest === 'string' ? ((await getSubmission(sql, unit, digest))?.heads ?? {}) : {};
  }
  const conflict = await getConflict(sql, unit);
  return Object.fromEntries((conflict ?? []).map(({ project, target }) => [project, target]));
}
