import { findCycles } from './cycles.ts';
import type { Named, OutlinedNode, PlanOutline } from './plan-outline.ts';
import type { PlanFault } from './shapes/plan.ts';
import { MAX_DEPENDENTS } from './waiting-siblings.ts';

/** Keys that the service gives to tasks and phases it makes. */
const RESERVED_KEY = /^(?:merge|revision)-\d/;

export function isReservedKey(key: string): boolean {
  return RESERVED_KEY.test(key);
}

/** Everything that is wrong with the keys of a plan, beside what needs the database. */
export function* planFaults(plan: PlanOutline): Generator<PlanFault> {
  const known = plan.projects === null ? null : new Set(plan.projects.map(({ key }) => key));
  yield* duplicates(plan.projects ?? [], 'projects');
  yield* graphFaults(plan.phases, 'phases');
  for (const phase of plan.phases) {
    const path = `phases[${phase.at}].tasks`;
    yield* graphFaults(phase.tasks, path);
    for (const task of phase.tasks) {
      for (const { at, key } of task.projects) {
        if (known === null || known.has(key)) continue;
        yield {
          path: `${path}[${task.at}].projects[${at}]`,
          code: 'unknown_project',
          message: `the plan has no project ${key}`,
        };
      }
    }
  }
}

function* duplicates(nodes: readonly Named[], path: string): Generator<PlanFault> {
  const seen = new Set<string>();
  for (const { at, key } of nodes) {
    if (seen.has(key)) {
      yield { path: `${path}[${at}].key`, code: 'duplicate_key', message: `${key} is used more than once` };
    }
    seen.add(key);
  }
}

function* graphFaults(nodes: readonly OutlinedNode[], path: string): Generator<PlanFault> {
  const named = nodes.flatMap(({ at, key, dependsOn }) => (key === null ? [] : [{ at, key, dependsOn }]));
  yield* duplicates(named, path);
  for (const { at, key } of named) {
    if (!isReservedKey(key)) continue;
    yield {
      path: `${path}[${at}].key`,
      code: 'reserved_key',
      message: `${key}: keys that begin with merge- or revision- and a number are given by the service`,
    };
  }
  const dependents = new Map(named.map(({ key }) => [key, 0]));
  for (const node of nodes) {
    const counted = new Set<string>();
    for (const { at, key } of node.dependsOn) {
      const count = dependents.get(key);
      if (count === undefined) {
        yield {
          path: `${path}[${node.at}].dependsOn[${at}]`,
          code: 'unknown_dependency',
          message: `there is no ${key} beside ${node.key ?? 'it'}`,
        };
      } else if (!counted.has(key)) {
        counted.add(key);
        dependents.set(key, count + 1);
      }
    }
  }
  for (const [key, count] of dependents) {
    if (count <= MAX_DEPENDENTS) continue;
    yield {
      path,
      code: 'too_many_dependents',
      message: `${count} depend on ${key}; at most ${MAX_DEPENDENTS} may`,
    };
  }
  for (const cycle of findCycles(
    named.map(({ key, dependsOn }) => ({ key, dependsOn: dependsOn.map((other) => other.key) })),
  )) {
    yield { path, code: 'cycle', message: `these depend on each other: ${cycle.join(' > ')}` };
  }
}
