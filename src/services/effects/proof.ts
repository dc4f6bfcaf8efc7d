import type { JsonObject } from '../../actors/json.ts';
import type { ActorView } from '../../actors/view.ts';
import type { Task } from '../../db/entities/task.ts';
import { Containment } from '../../git/containment.ts';
import type { Heads } from '../heads.ts';
import { getSubmission } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';

/** What there is of a unit: `missing` and `byPatch` name work by task and project, no more than so many of each. */
interface UnitProof extends JsonObject {
  readonly proven: boolean;
  readonly missing: string[];
  /** What only its patches were found of: somebody has rebased the branch. */
  readonly byPatch: string[];
}

const MAX_NAMED = 50;

/**
 * Asks rows and git, not states alone, whether these tips have everything that the completed tasks of a unit handed in. An initiative
 * has to have the tasks of every phase that is not canceled.
 */
export async function proofOf(
  deps: EffectDeps,
  { kind, id }: { readonly kind: 'initiative' | 'phase'; readonly id: string },
  tips: Heads,
  signal: AbortSignal,
): Promise<UnitProof> {
  const initiativeId = kind === 'initiative' ? id : (await deps.plan.phase(id)).initiativeId;
  const { tasks, unsettled } =
    kind === 'initiative'
      ? await tasksOfCompleted(deps, id)
      : { tasks: await deps.plan.tasksOf(id), unsettled: [] };
  if (unsettled.length > 0) return { proven: false, missing: unsettled.slice(0, MAX_NAMED), byPatch: [] };
  const actors = new Map(
    (await deps.actors().peekMany(tasks.map((task) => task.id))).map((actor) => [actor.id, actor]),
  );
  const contained = await containments(deps, initiativeId, tips, signal);
  const [missing, byPatch]: [string[], string[]] = [[], []];
  for (const task of tasks) {
    const actor = actors.get(task.id);
    if (actor === undefined) missing.push(`${task.key} has no actor`);
    else if (actor.state === 'completed') await look(deps, task, actor, contained, { missing, byPatch });
    else if (!actor.tags.includes('settled')) missing.push(`${task.key} is not settled`);
  }
  return {
    proven: missing.length === 0,
    missing: missing.slice(0, MAX_NAMED),
    byPatch: byPatch.slice(0, MAX_NAMED),
  };
}

async function tasksOfCompleted(deps: EffectDeps, initiativeId: string) {
  const phases = await deps.plan.phasesOf(initiativeId);
  const actors = new Map(
    (await deps.actors().peekMany(phases.map(({ id }) => id))).map((actor) => [actor.id, actor]),
  );
  const unsettled = phases.filter(({ id }) => actors.get(id)?.tags.includes('settled') !== true);
  const tasks = (await deps.plan.tasksOfInitiative(initiativeId)).filter(
    ({ phaseId }) => actors.get(phaseId)?.state === 'completed',
  );
  return { tasks, unsettled: unsettled.map(({ id }) => `phase ${id} is not settled`) };
}

/** By project key; null where there is no branch. */
async function containments(deps: EffectDeps, initiativeId: string, tips: Heads, signal: AbortSignal) {
  const projects = await deps.plan.linkedProjects(initiativeId);
  return new Map(
    projects.map(({ project: { id, key } }) => {
      const tip = tips[key] ?? null;
      return [key, tip === null ? null : new Containment(deps.hub.repository(id, signal), deps.engine, tip)];
    }),
  );
}

async function look(
  deps: EffectDeps,
  task: Task,
  actor: ActorView,
  contained: ReadonlyMap<string, Containment | null>,
  found: Pick<UnitProof, 'missing' | 'byPatch'>,
): Promise<void> {
  const digest = actor.context['submission'];
  const submission = typeof digest === 'string' ? await getSubmission(deps.sql, task.id, digest) : null;
  if (submission === null) {
    found.missing.push(`${task.key} has no submission`);
    return;
  }
  for (const [project, containment] of contained) {
    const head = submission.heads[project] ?? null;
    if (head === null) continue;
    const answer = (await containment?.of(head)) ?? 'missing';
    const name = `${task.key} in ${project} (${head.slice(0, 12)})`;
    if (answer === 'missing') found.missing.push(name);
    if (answer === 'by_patch') found.byPatch.push(name);
  }
}
