import type { JsonObject } from '../actors/json.ts';
import type { Runtime } from '../actors/runtime.ts';
import { Refusal } from '../errors.ts';
import type { NewPhase, NewTask, Relink, Reorder } from './door-events.ts';
import { isReservedKey } from './plan-faults.ts';
import { phaseOrder } from './phase-order.ts';
import type { PlanStore } from './plan-store.ts';
import { settledTasksOf } from './split-tasks.ts';
import { MAX_DEPENDENTS, tooManyDependents, WaitingSiblings } from './waiting-siblings.ts';

const PLAN_CHANGES: ReadonlySet<string> = new Set([
  'phase.addTask',
  'initiative.addPhase',
  'task.relink',
  'phase.relink',
  'task.split',
  'initiative.reorder',
]);

/** Whether this event is checked against the other links of its plan. */
export function isPlanChange(type: string): boolean {
  return PLAN_CHANGES.has(type);
}

/** What people add to a plan under way, or link anew: their keys become the ordinals that the machines remember. */
export class PlanChanges {
  readonly #deps: { plan: PlanStore; runtime: () => Runtime };
  readonly #plan: PlanStore;
  readonly #runtime: () => Runtime;

  constructor(deps: { plan: PlanStore; runtime: () => Runtime }) {
    this.#deps = deps;
    this.#plan = deps.plan;
    this.#runtime = deps.runtime;
  }

  async newTask(phaseId: string, task: NewTask): Promise<JsonObject> {
    const phase = await this.#plan.phase(phaseId);
    const siblings = await settledTasksOf(this.#deps, phaseId);
    refuseKey(task.key, new Set(siblings.map(({ key }) => key)));
    await refuseProjects(this.#plan, phase.initiativeId, [task]);
    const dependsOn = ordinalsOf(task.dependsOn, ordinalByKey(siblings));
    const waiting = await WaitingSiblings.read(this.#runtime(), siblings);
    waiting.refuseCrowd(waiting.reached(dependsOn, task.key), null);
    return { ...task, dependsOn };
  }

  /** The tasks of the new phase may depend on each other: they get the ordinals they are listed in. */
  async newPhase(initiativeId: string, phase: NewPhase): Promise<JsonObject> {
    const siblings = await this.#plan.phasesOf(initiativeId);
    refuseKey(phase.key, new Set(siblings.map(({ key }) => key)));
    await refuseProjects(this.#plan, initiativeId, phase.tasks);
    const dependsOn = ordinalsOf(phase.dependsOn, ordinalByKey(siblings));
    (await WaitingSiblings.read(this.#runtime(), siblings)).refuseCrowd(dependsOn, null);
    return { ...phase, dependsOn, tasks: tasksOf(phase) };
  }

  async relink(kind: 'phase' | 'task', id: string, wanted: Relink): Promise<JsonObject> {
    const siblings =
      kind === 'task'
        ? await settledTasksOf(this.#deps, (await this.#plan.task(id)).phaseId)
        : await this.#plan.phasesOf((await this.#plan.phase(id)).initiativeId);
    const dependsOn = ordinalsOf(wanted.dependsOn, ordinalByKey(siblings));
    const { key = '', ordinal = 0 } = siblings.find((sibling) => sibling.id === id) ?? {};
    const waiting = await WaitingSiblings.read(this.#runtime(), siblings);
    const reached = waiting.reached(dependsOn, key);
    waiting.refuseCycle(reached, ordinal);
    waiting.refuseCrowd(reached, ordinal);
    return { dependsOn };
  }

  async reorder(initiativeId: string, { phases }: Reorder): Promise<JsonObject> {
    const siblings = await this.#plan.phasesOf(initiativeId);
    const actors = await this.#runtime().peekMany([initiativeId, ...siblings.map(({ id }) => id)]);
    return { phases: phaseOrder(siblings, actors, phases) };
  }
}

/** Refuses with `unknown_project`. */
export async function refuseProjects(
  plan: PlanStore,
  initiativeId: string,
  tasks: readonly { readonly projects?: readonly string[] | null | undefined }[],
): Promise<void> {
  const named = new Set(tasks.flatMap(({ projects }) => projects ?? []));
  if (named.size === 0) return;
  const known = new Set((await plan.linkedProjects(initiativeId)).map(({ project }) => project.key));
  const unknown = [...named].filter((key) => !known.has(key));
  if (unknown.length === 0) return;
  throw new Refusal('unknown_project', `the initiative has no project ${unknown.join(', ')}`);
}

/** A task depends only on what stands before it: what is created first can not wait for what does not exist yet. */
function tasksOf(phase: NewPhase): JsonObject[] {
  const places = new Map<string, number>();
  const dependents = new Map<string, number>();
  return phase.tasks.map((task) => {
    refuseKey(task.key, places);
    const dependsOn = ordinalsOf(task.dependsOn, places);
    for (const key of new Set(task.dependsOn)) {
      const count = (dependents.get(key) ?? 0) + 1;
      if (count > MAX_DEPENDENTS) throw tooManyDependents(key);
      dependents.set(key, count);
    }
    places.set(task.key, places.size + 1);
    return { ...task, dependsOn };
  });
}

export function ordinalByKey(
  siblings: readonly { key: string; ordinal: number }[],
): ReadonlyMap<string, number> {
  return new Map(siblings.map(({ key, ordinal }) => [key, ordinal]));
}

/** Each once, however often it is named. */
export function ordinalsOf(keys: readonly string[], known: ReadonlyMap<string, number>): number[] {
  const wanted = [...new Set(keys)];
  const unknown = wanted.filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new Refusal('unknown_dependency', `there is no ${unknown.join(', ')} beside it`);
  }
  return wanted.flatMap((key) => known.get(key) ?? []);
}

export function refuseKey(key: string, taken: { has(key: string): boolean }): void {
  if (isReservedKey(key)) {
    throw new Refusal(
      'invalid_key',
      `${key}: keys that begin with merge- or revision- and a number are given by the service`,
    );
  }
  if (taken.has(key)) throw new Refusal('key_taken', `there is a ${key} beside it already`);
}
