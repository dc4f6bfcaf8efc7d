import { Refusal } from '../errors.ts';
import type { Task } from '../db/entities/task.ts';
import { headRef, keepRef, phaseBranch } from './branch-names.ts';
import type { AttemptRow, ClaimDeps } from './claims.ts';
import { headsDigest, type Heads } from './heads.ts';
import { countOutrun, holdIfOutrun } from './lane-holds.ts';
import { lateWork, leftOut } from './late-work.ts';
import { mergeHeads } from './merge-heads.ts';
import { type Merge, refuseBadResolution } from './resolution-check.ts';
import type { Submit } from './shapes/agent.ts';
import { putSubmission } from './work-store.ts';

/**
 * Reads what the attempt pushed, checks it, pins every head by a keep ref and writes the submission down. Gives its digest.
 * Refuses with `late_work_left_out`, `no_commits`, `tip_moved`, `conflict_not_resolved`, `conflict_markers_left` or
 * `conflict_side_dropped`; nothing is changed then, but how often the branch has outrun the attempt is counted.
 */
export async function recordSubmission(
  deps: ClaimDeps,
  attempt: AttemptRow,
  { noChanges, oneSided, leftOut: known }: Pick<Submit, 'noChanges' | 'oneSided' | 'leftOut'>,
): Promise<string> {
  const task = await deps.plan.task(attempt.task_id);
  const heads = await readHeads(deps, task, attempt);
  await refuseForgotten(deps, task, attempt, { heads, known });
  if (Object.values(heads).every((head) => head === null) && noChanges === null) {
    throw new Refusal(
      'no_commits',
      `nothing was pushed to ${attempt.branch} in any project; push first, or say in noChanges why there is nothing`,
    );
  }
  if (task.category !== 'execute') await checkStaged(deps, task, attempt, { heads, oneSided });
  let keeps = 0;
  for (const project of await deps.plan.projectsOfTask(task)) {
    const head = heads[project.key] ?? null;
    if (head === null) continue;
    if (keeps > 0) await deps.boundary('between-keeps');
    keeps += 1;
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
  await deps.boundary('before-submit');
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

/** An agent that has its lease back may take what it pushed in between to be on its branch. */
async function refuseForgotten(
  deps: ClaimDeps,
  task: Task,
  { number }: AttemptRow,
  { heads, known }: { readonly heads: Heads; readonly known: readonly string[] },
): Promise<void> {
  const own = (await lateWork(deps, task, number)).filter(
    ({ attempt, commit }) => attempt === number && !known.includes(commit),
  );
  const late = await leftOut(deps, task, own, heads);
  if (late.length === 0) return;
  const list = late.map(({ project, commit, ref }) => `${commit.slice(0, 12)} in ${project}, kept at ${ref}`);
  throw new Refusal(
    'late_work_left_out',
    `not on the branch is what was pushed after the lease had ended: ${list.join('; ')}; push again with it and submit again, or name it in leftOut`,
    { details: { late } },
  );
}

/** What is handed in, and whether a side is left out on purpose. */
interface Staged {
  readonly heads: Heads;
  readonly oneSided: string | null;
}

/** What a review or merge task pushed goes on the branch of the phase as it is: so it has to contain its tip. */
async function checkStaged(
  deps: ClaimDeps,
  task: Task,
  attempt: AttemptRow,
  { heads, oneSided }: Staged,
): Promise<void> {
  const phase = await deps.plan.phase(task.phaseId);
  const initiative = await deps.plan.initiative(task.initiativeId);
  const projects = await deps.plan.projectsOfTask(task);
  const ref = headRef(phaseBranch(initiative.key, phase.key));
  const toMerge = await mergeHeads({ ...deps, actors: deps.runtime }, task);
  const outrun: string[] = [];
  const missing: string[] = [];
  const merges: Merge[] = [];
  for (const project of projects) {
    const repository = deps.hub.repository(project.id);
    const head = heads[project.key] ?? null;
    const tip = await repository.readTip(ref);
    const theirs = toMerge[project.key] ?? null;
    if (head !== null && tip !== null && !(await repository.isAncestor(tip, head))) outrun.push(project.key);
    const at = head ?? tip;
    if (theirs !== null && (at === null || !(await repository.isAncestor(theirs, at)))) {
      missing.push(project.key);
    }
    if (theirs !== null && head !== null && tip !== null) {
      merges.push({ project: project.key, repository, ours: tip, theirs, head });
    }
  }
  if (outrun.length > 0) {
    await countOutrun(deps.sql, attempt.lease_id);
    const waits = await holdIfOutrun(deps.sql, { taskId: task.id, leaseId: attempt.lease_id, ref, projects });
    throw new Refusal(
      'tip_moved',
      `${ref} has moved on in ${outrun.join(', ')}: fetch it, merge it, push, and submit again${waits ? '; nothing else is landed there meanwhile' : ''}`,
      { details: { projects: outrun, ref, waits } },
    );
  }
  if (missing.length > 0) {
    throw new Refusal(
      'conflict_not_resolved',
      `the commits to be merged are not contained in what was pushed to ${missing.join(', ')}`,
      { details: { projects: missing } },
    );
  }
  await refuseBadResolution(deps.engine, merges, oneSided);
}
