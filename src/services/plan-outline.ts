import { keySchema, strategySchema } from '../machines/payloads.ts';
import type { PlanDocument } from './shapes/plan.ts';

/** A key and its place in the list it stands in. */
export interface Named {
  readonly at: number;
  readonly key: string;
}

/** Of a phase or task. Null: it has no key that could be one. */
export interface OutlinedNode {
  readonly at: number;
  readonly key: string | null;
  readonly dependsOn: readonly Named[];
}

export interface OutlinedTask extends OutlinedNode {
  readonly projects: readonly Named[];
}

export interface OutlinedPhase extends OutlinedNode {
  readonly tasks: readonly OutlinedTask[];
}

/** What a plan says about keys, as far as it can be read: the parts that have another shape are left out. */
export interface PlanOutline {
  readonly key: string | null;
  /** Null: there is no list of projects that others could be missing from. */
  readonly projects: readonly (Named & { readonly strategy: string | null })[] | null;
  readonly phases: readonly OutlinedPhase[];
}

export function outlineOf(document: PlanDocument): PlanOutline {
  const { key, projects, phases } = document;
  return {
    key: keyOf(key),
    projects: Array.isArray(projects)
      ? records(projects).flatMap(([at, project]) => {
          const named = keyOf(project['key']);
          const strategy = strategySchema.safeParse(project['strategy']).data ?? null;
          return named === null ? [] : [{ at, key: named, strategy }];
        })
      : null,
    phases: records(phases).map(([at, phase]) => ({
      ...nodeOf(at, phase),
      tasks: records(phase['tasks']).map(([place, task]) => ({
        ...nodeOf(place, task),
        projects: keysIn(task['projects']),
      })),
    })),
  };
}

function nodeOf(at: number, node: Readonly<Record<string, unknown>>): OutlinedNode {
  return { at, key: keyOf(node['key']), dependsOn: keysIn(node['dependsOn']) };
}

function keyOf(value: unknown): string | null {
  return keySchema.safeParse(value).data ?? null;
}

function keysIn(list: unknown): Named[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value: unknown, at) => {
    const key = keyOf(value);
    return key === null ? [] : [{ at, key }];
  });
}

function records(list: unknown): (readonly [number, Readonly<Record<string, unknown>>])[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value: unknown, at) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? [[at, value as Readonly<Record<string, unknown>>] as const]
      : [],
  );
}
