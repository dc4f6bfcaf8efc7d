import type { Runtime } from '../../actors/runtime.ts';
import type { SqlPool } from '../../actors/sql.ts';
import type { ActorView } from '../../actors/view.ts';
import type { Task } from '../../db/entities/task.ts';
import type { Hub } from '../../git/hub.ts';
import type { PlanStore } from '../plan-store.ts';
import type { Kind } from '../shapes/actor.ts';
import type { Other } from '../shapes/explanation.ts';
import { pathOf } from './state-path.ts';

/** What an explanation is made with. */
export interface ExplainDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly runtime: () => Runtime;
}

/** A row of the plan, as far as an explanation names it. */
export interface Named {
  readonly id: string;
  readonly ordinal: number;
  readonly key: string;
}

/** What is explained: the actor, its row, and the rows around it. */
export interface Subject {
  readonly kind: Kind;
  readonly actor: ActorView;
  readonly path: string;
  readonly key: string;
  readonly task: Task | null;
  /** The phase of a task, the initiative of a phase. */
  readonly parent: { readonly id: string; readonly key: string } | null;
  /** Those beside it, and it. */
  readonly siblings: readonly Named[];
  /** The phases of an initiative, the tasks of a phase. */
  readonly children: readonly Named[];
}

/** Reads the rows of an actor. Refuses with `unknown_initiative`, `unknown_phase` or `unknown_task` where they are missing. */
export async function readSubject(plan: PlanStore, kind: Kind, actor: ActorView): Promise<Subject> {
  const common = { kind, actor, path: pathOf(actor.state), task: null };
  switch (kind) {
    case 'initiative': {
      const [{ key }, children] = await Promise.all([plan.initiative(actor.id), plan.phasesOf(actor.id)]);
      return { ...common, key, parent: null, siblings: [], children };
    }
    case 'phase': {
      const phase = await plan.phase(actor.id);
      const [parent, siblings, children] = await Promise.all([
        plan.initiative(phase.initiativeId),
        plan.phasesOf(phase.initiativeId),
        plan.tasksOf(phase.id),
      ]);
      return { ...common, key: phase.key, parent, siblings, children };
    }
    case 'task': {
      const task = await plan.task(actor.id);
      const [parent, siblings] = await Promise.all([plan.phase(task.phaseId), plan.tasksOf(task.phaseId)]);
      return { ...common, key: task.key, task, parent, siblings, children: [] };
    }
  }
}

/** A row of the plan and its actor. */
interface Acting {
  readonly key: string;
  readonly actor: ActorView;
}

/** The actors of others of the plan, in their order; who has none yet is left out. */
export async function actorsOf(
  runtime: Runtime,
  rows: readonly { readonly id: string; readonly key: string }[],
): Promise<Acting[]> {
  if (rows.length === 0) return [];
  const actors = new Map(
    (await runtime.peekMany(rows.map(({ id }) => id))).map((actor) => [actor.id, actor]),
  );
  return rows.flatMap(({ id, key }) => {
    const actor = actors.get(id);
    return actor === undefined ? [] : [{ key, actor }];
  });
}

export function otherOf(kind: Kind, { key, actor }: Acting): Other {
  return { id: actor.id, kind, key, path: pathOf(actor.state), tags: actor.tags };
}

/** Where others of the plan stand, in their order; who has no actor yet is left out. */
export async function standing(
  runtime: Runtime,
  kind: Kind,
  rows: readonly { readonly id: string; readonly key: string }[],
): Promise<Other[]> {
  return (await actorsOf(runtime, rows)).map((acting) => otherOf(kind, acting));
}

/** Is it in a state that leads back to `blocked`? What it depends on counts from then on. */
export function isPutAside(path: string): boolean {
  return ['draft', 'deferred', 'held', 'failed'].includes(path);
}

/** The numbers that a context remembers under a name. */
export function ordinalsOf({ context }: ActorView, name: string): number[] {
  const value = context[name];
  return Array.isArray(value) ? value.filter((ordinal) => typeof ordinal === 'number') : [];
}
