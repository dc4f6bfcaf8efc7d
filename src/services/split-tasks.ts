import { setTimeout } from 'node:timers/promises';
import type { Runtime } from '../actors/runtime.ts';
import type { Task } from '../db/entities/task.ts';
import { Refusal } from '../errors.ts';
import { ordinalsOfParts, type Parts } from '../machines/parts.ts';
import type { PlanStore } from './plan-store.ts';

const LOOK_AGAIN_MS = 20;
const MAX_LOOKS = 100;

/** Ordinals of the tasks that took the place of a task, as its context says; none if it was not split. */
export function partsIn(value: unknown): readonly number[] {
  return typeof value === 'object' && value !== null ? ordinalsOfParts(value as Parts) : [];
}

/**
 * The tasks of a phase when none of them is just being split: the parts of one that is have keys and links which nobody can see yet.
 * Refuses with `split_under_way` when it takes too long.
 */
export async function settledTasksOf(
  deps: { readonly plan: PlanStore; readonly runtime: () => Runtime },
  phaseId: string,
): Promise<Task[]> {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const tasks = await deps.plan.tasksOf(phaseId);
    const actors = await deps.runtime().peekMany(tasks.map(({ id }) => id));
    if (actors.every(({ state }) => state !== 'splitting')) return tasks;
    await setTimeout(LOOK_AGAIN_MS);
  }
  throw new Refusal(
    'split_under_way',
    'a task of the phase is being split: send this again when its parts are there',
  );
}
