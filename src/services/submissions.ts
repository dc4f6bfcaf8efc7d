import { Refusal } from '../errors.ts';
import type { Task } from '../db/entities/task.ts';
import { headRef, keepRef, phaseBranch } from './branch-names.ts';
import type { AttemptRow, ClaimDeps } from './claims.ts';
import { resolvedHeads } from './effects/land-task.ts';
import { headsDigest, type Heads } from './heads.ts';
import { putSubmission } from './work-store.ts';

/**
 * Reads what the attempt pushed, checks it, pins every head by a keep ref and writes the submission down. Gives its digest.
 * Refuses with `no_commits`, `tip_moved` or `conflict_not_resolved`; nothing is changed then.
 */
export async function recordSubmission(
  deps: ClaimDeps,
  attempt: AttemptRow,
  noChanges: string | null,
): Promise<string> {
  const task = await deps.plan.task(attempt.task_id);
  const heads = await readHeads(deps, task, attempt);
  if (Object.values(heads).every((head) => head === null) && noChanges === null) {
    throw new Refusal(
      'no_commits',
      `nothing was pushed to ${attempt.branch} in any project; push first, or say in noChanges why there is nothing`,
    );
  }
  if (task.category !== 'execute') await checkStaged(deps, task, heads);
  for (const project of await deps.plan.projectsOfTask(task)) {
    const head = heads[project.key] ?? null;
    if (head === null) continue;
    const repository = deps.hub.repository(project.id);
    const ref = keepRef(task.id, attempt.lease_id);
    const { tip } = await repository.createRefIfMissing(ref, head);
    if (tip !== head) await repository.updateRefs([{ ref, old: tip, new: head }]);
  }
  const digest = headsDigest({ ...heads, lease: attempt.lease_id });
  await putSubmission(deps.sql, {
    taskId: task.id,
    digest,
    leaseId: attempt.lease_id,
    branch: attempt.branch,
    heads,
  });
  return digest;
}

/** The tips the attempt pushed. What an earlier attempt had pushed and this one started from counts as its work as well. */
async function readHeads(deps: ClaimDeps, task: Task, attempt: AttemptRow): Promise<Heads> {
  const phase = await deps.plan.phase(task.phaseId);
  const initiative = await deps.plan.initiative(task.initiativeId);
  const target = headRef(phaseBranch(initiative.key, phase.key));
  const heads: Record<string, string | null> = {};
  for (const project of await deps.plan.projectsOfTask(task)) {
    const repository = deps.hub.repository(project.id);
    const ref = headRef(attempt.branch);
    const tips = await repository.readTips([ref, target]);
    const tip = tips.get(ref) ?? attempt.start[project.key]?.base ?? null;
    const landed = tips.get(target) ?? null;
    const isNew = tip !== null && (landed === null || !(await repository.isAncestor(tip, landed)));
    heads[project.key] = isNew ? tip : null;
  }
  return heads;
}

/** What a review or merge task pushed goes on the branch of the phase as it is: so it has to contain its tip. */
async function checkStaged(deps: ClaimDeps, task: Task, heads: Heads): Promise<void> {
  const phase = await deps.plan.phase(task.phaseId);
  const initiative = await deps.plan.initiative(task.initiativeId);
  const target = headRef(phaseBranch(initiative.key, phase.key));
  const resolved = await resolvedHeads({ sql: deps.sql, actors: deps.runtime }, task);
  const outrun: string[] = [];
  const unresolved: string[] = [];
  for (const project of await deps.plan.projectsOfTask(task)) {
    const repository = deps.hub.repository(project.id);
    const head = heads[project.key] ?? null;
    const tip = await repository.readTip(target);
    if (head !== null && tip !== null && !(await repository.isAncestor(tip, head))) outrun.push(project.key);
    const source = resolved[project.key] ?? null;
    const at = head ?? tip;
    if (source !== null && (at === null || !(await repository.isAncestor(source, at)))) {
      unresolved.push(project.key);
    }
  }
  if (outrun.length > 0) {
    throw new Refusal(
      'tip_moved',
      `${target} has moved on in ${outrun.join(', ')}: fetch it, merge it, push, and submit again`,
      { details: { projects: outrun, ref: target } },
    );
  }
  if (unresolved.length > 0) {
    throw new Refusal(
      'conflict_not_resolved',
      `the commits to be merged are not contained in what was pushed to ${unresolved.join(', ')}`,
      { details: { projects: unresolved } },
    );
  }
}
