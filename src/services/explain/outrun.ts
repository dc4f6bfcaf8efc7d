import { GitError } from '../../git/git-error.ts';
import { headRef, phaseBranch } from '../branch-names.ts';
import { getSubmission } from '../work-store.ts';
import type { Reason } from '../shapes/explanation.ts';
import type { ExplainDeps, Subject } from './subject.ts';

/** Whoever looks at a resolution is told that the branch has moved on meanwhile: an approval does not land it then. */
export async function outrunOf(
  { sql, plan, hub }: ExplainDeps,
  { actor, path, task }: Subject,
): Promise<Reason[]> {
  const digest = actor.context['submission'];
  if (task === null || task.category === 'execute' || path !== 'pending_review') return [];
  const heads = typeof digest === 'string' ? ((await getSubmission(sql, task.id, digest))?.heads ?? {}) : {};
  const phase = await plan.phase(task.phaseId);
  const initiative = await plan.initiative(task.initiativeId);
  const ref = headRef(phaseBranch(initiative.key, phase.key));
  const behind: string[] = [];
  try {
    for (const project of await plan.projectsOfTask(task)) {
      const repository = hub.repository(project.id);
      const [head, tip] = [heads[project.key] ?? null, await repository.readTip(ref)];
      if (head !== null && tip !== null && !(await repository.isAncestor(tip, head)))
        behind.push(project.key);
    }
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const text = `whether ${ref} has moved on is not known: the hub can not be read (${error.code})`;
    return [{ code: 'outrun_unknown', text, refers: [] }];
  }
  if (behind.length === 0) return [];
  const text = `${ref} has moved on in ${behind.join(', ')} since it was handed in: when it is approved it does not land, but is merged and reviewed again`;
  return [{ code: 'outrun', text, refers: [] }];
}
