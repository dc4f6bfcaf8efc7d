import type { JsonObject } from '../actors/json.ts';
import type { Runtime } from '../actors/runtime.ts';
import { Refusal } from '../errors.ts';
import type { NewPhase, NewTask, Relink } from './door-events.ts';
import { isReservedKey } from './plan-faults.ts';
import type { PlanStore } from './plan-store.ts';
import { MAX_DEPENDENTS, tooManyDependents, WaitingSiblings } from './waiting-siblings.ts';

const PLAN_CHANGES: ReadonlySet<string> = new Set([
  'phase.addTask',
  'initiative.addPhase',
  'task.relink',
  'phase.relink',
]);

/** Whether this event is checked against the other links of its plan. */
export function isPlanChange(type: string): boolean {
  return PLAN_CHANGES.has(type);
}

/** What people add to a plan under way, or link anew: their keys become the ordinals that the machines remember. */
export class PlanChanges {
  readonly #plan: PlanStore;
  readonly #runtime: () => Runtime;

  constructor(deps: { plan: PlanStore; runtime: () => Runtime }) {
    this.#plan = deps.plan;
    this.#runtime = deps.runtime;
  }

  async newTask(phaseId: string, task: NewTask): Promise<JsonObject> {
    const phase = await this.#plan.phase(phaseId);
    const siblings = await this.#plan.tasksOf(phaseId);
    refuseKey(task.key, new Set(siblings.map(({ key }) => key)));
    await this.#refuseProjects(phase.initiativeId, [task]);
    const dependsOn = ordinalsOf(task.dependsOn, ordinalByKey(siblings));
    (await WaitingSiblings.read(this.#runtime(), siblings)).refuseCrowd(dependsOn, null);
    return { ...task, dependsOn };
  }

  /** The tasks of the new phase may depend on each other: they get the ordinals they are listed in. */
  async newPhase(initiativeId: string, phase: NewPhase): Promise<JsonObject> {
    const siblings = await this.#plan.phasesOf(initiativeId);
    refuseKey(phase.key, new Set(siblings.map(({ key }) => key)));
    await this.#refuseProjects(initiativeId, phase.tasks);
    const dependsOn = ordinalsOf(phase.dependsOn, ordinalByKey(siblings));
    (await WaitingSiblings.read(this.#runtime(), siblings)).refuseCrowd(dependsOn, null);
    return { ...phase, dependsOn, tasks: tasksOf(phase) };
  }

  async relink(kind: 'phase' | 'task', id: string, wanted: Relink): Promise<JsonObject> {
    const siblings =
      kind === 'task'
        ? await this.#plan.tasksOf((await this.#plan.task(id)).phaseId)
        : await this.#plan.phasesOf((await this.#plan.phase(id)).initiativeId);
    const dependsOn = ordinalsOf(wanted.dependsOn, ordinalByKey(siblings));
    const self = siblings.find((sibling) => sibling.id === id)?.ordinal ?? 0;
    const waiting = await WaitingSiblings.read(this.#runtime(), siblings);
    waiting.refuseCycle(dependsOn, self);
    waiting.refuseCrowd(dependsOn, self);
    return { dependsOn };
  }

  async #refuseProjects(initiativeId: string, tasks: readonly NewTask[]): Promise<void> {
    const named = new Set(tasks.flatMap(({ projects }) => projects ?? []));
    if (named.size === 0) return;
    const known = new Set((await this.#plan.linkedProjects(initiativeId)).map(({ project }) => project.key));
    const unknown = [...named].filter((key) => !known.has(key));
    if (unknown.length === 0) return;
    throw new Refusal('unknown_project', `the initiative has no project ${unknown.join(', ')}`);
  }
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

function ordinalByKey(siblings: readonly { key: string; ordinal: number }[]): ReadonlyMap<string, number> {
  return new Map(siblings.map(({ key, ordinal }) => [key, ordinal]));
}

/** Each once, however often it is named. */
function ordinalsOf(keys: readonly string[], known: ReadonlyMap<string, number>): number[] {
  const wanted = [...new Set(keys)];
  const unknown = wanted.filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new Refusal('unknown_dependency', `there is no ${unknown.join(', ')} beside it`);
  }
  return wanted.flatMap((key) => known.get(key) ?? []);
}

function refuseKey(key: string, taken: { has(key: string): boolean }): void {
  if (isReservedKey(key)) {
    throw new Refusal(
      'invalid_key',
      `${key}: keys that begin with merge- or revision- and a number are given by the service`,
    );
  }
  if (taken.has(key)) throw new Refusal('key_taken', `there is a ${key} beside it already`);
}
