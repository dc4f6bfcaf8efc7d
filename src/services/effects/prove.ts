import type { EffectRun } from '../../actors/effects.ts';
import type { ActorView } from '../../actors/view.ts';
import type { Task } from '../../db/entities/task.ts';
import { headRef, initiativeBranch, phaseBranch } from '../branch-names.ts';
import { getSubmission } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';

/** Asks rows and git, not states alone, whether everything that the completed tasks handed in is on the branch of the phase. */
export function provePhase(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const phase = await deps.plan.phase(run.actorId);
    const initiative = await deps.plan.initiative(phase.initiativeId);
    const tasks = await deps.plan.tasksOf(phase.id);
    return proof(deps, tasks, headRef(phaseBranch(initiative.key, phase.key)), initiative.id);
  };
}

/** The same for an initiative: every task of every phase that is not canceled has to be on its branch. */
export function proveInitiative(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const initiative = await deps.plan.initiative(run.actorId);
    const phases = await deps.plan.phasesOf(initiative.id);
    const actors = await deps.actors().peekMany(phases.map(({ id }) => id));
    const unsettled = actors.filter((actor) => !actor.tags.includes('settled'));
    if (unsettled.length > 0 || actors.length !== phases.length) {
      return { proven: false, missing: unsettled.map(({ id }) => `phase ${id} is not settled`) };
    }
    const completed = new Set(actors.filter(({ state }) => state === 'completed').map(({ id }) => id));
    const tasks = (await deps.plan.tasksOfInitiative(initiative.id)).filter(({ phaseId }) =>
      completed.has(phaseId),
    );
    return proof(deps, tasks, headRef(initiativeBranch(initiative.key)), initiative.id);
  };
}

async function proof(deps: EffectDeps, tasks: readonly Task[], ref: string, initiativeId: string) {
  const missing: string[] = [];
  const actors = new Map(
    (await deps.actors().peekMany(tasks.map(({ id }) => id))).map((actor) => [actor.id, actor]),
  );
  const projects = await deps.plan.linkedProjects(initiativeId);
  const tips = new Map<string, string | null>();
  for (const { project } of projects) {
    tips.set(project.key, await deps.hub.repository(project.id).readTip(ref));
  }
  for (const task of tasks) {
    const actor = actors.get(task.id);
    if (actor === undefined) missing.push(`${task.key} has no actor`);
    else if (actor.state === 'completed')
      missing.push(...(await missingOf(deps, task, actor, projects, tips)));
    else if (!actor.tags.includes('settled')) missing.push(`${task.key} is not settled`);
  }
  return { proven: missing.length === 0, missing: missing.slice(0, 50) };
}

async function missingOf(
  deps: EffectDeps,
  task: Task,
  actor: ActorView,
  projects: readonly { project: { id: string; key: string } }[],
  tips: ReadonlyMap<string, string | null>,
): Promise<string[]> {
  const digest = actor.context['submission'];
  const submission = typeof digest === 'string' ? await getSubmission(deps.sql, task.id, digest) : null;
  if (submission === null) return [`${task.key} has no submission`];
  const missing: string[] = [];
  for (const { project } of projects) {
    const head = submission.heads[project.key] ?? null;
    if (head === null) continue;
    const tip = tips.get(project.key) ?? null;
    const repository = deps.hub.repository(project.id);
    const contained =
      tip !== null && (await repository.commitExists(head)) && (await repository.isAncestor(head, tip));
    if (!contained) missing.push(`${task.key} in ${project.key} (${head.slice(0, 12)})`);
  }
  return missing;
}
