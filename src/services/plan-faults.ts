import type { Plan } from './plan-schema.ts';
import type { PlanFault } from './shapes/plan.ts';
import { findCycles, type Waiter } from './cycles.ts';
import { MAX_DEPENDENTS } from './waiting-siblings.ts';

/** Keys that the service gives to tasks and phases it makes. */
const RESERVED_KEY = /^(?:merge|revision)-\d/;

export function isReservedKey(key: string): boolean {
  return RESERVED_KEY.test(key);
}

/** Everything that is wrong with a plan of the right shape, beside what needs the database. */
export function planFaults(plan: Plan): PlanFault[] {
  const known = new Set(plan.projects.map(({ key }) => key));
  const faults = [...duplicates(plan.projects, 'projects'), ...graphFaults(plan.phases, 'phases')];
  plan.phases.forEach((phase, at) => {
    const path = `phases[${at}].tasks`;
    faults.push(...graphFaults(phase.tasks, path));
    phase.tasks.forEach((task, place) => {
      for (const [index, project] of (task.projects ?? []).entries()) {
        if (known.has(project)) continue;
        faults.push({
          path: `${path}[${place}].projects[${index}]`,
          code: 'unknown_project',
          message: `the plan has no project ${project}`,
        });
      }
    });
  });
  return faults;
}

function duplicates(nodes: readonly { key: string }[], path: string): PlanFault[] {
  const seen = new Set<string>();
  return nodes.flatMap(({ key }, at) => {
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [{ path: `${path}[${at}].key`, code: 'duplicate_key', message: `${key} is used more than once` }];
  });
}

function graphFaults(nodes: readonly Waiter[], path: string): PlanFault[] {
  const faults = duplicates(nodes, path);
  const known = new Set(nodes.map(({ key }) => key));
  const dependents = new Map<string, number>();
  nodes.forEach((node, at) => {
    if (isReservedKey(node.key)) {
      faults.push({
        path: `${path}[${at}].key`,
        code: 'reserved_key',
        message: `${node.key}: keys that begin with merge- or revision- and a number are given by the service`,
      });
    }
    for (const [index, dependency] of node.dependsOn.entries()) {
      dependents.set(dependency, (dependents.get(dependency) ?? 0) + 1);
      if (known.has(dependency)) continue;
      faults.push({
        path: `${path}[${at}].dependsOn[${index}]`,
        code: 'unknown_dependency',
        message: `there is no ${dependency} beside ${node.key}`,
      });
    }
  });
  for (const [key, count] of dependents) {
    if (count <= MAX_DEPENDENTS) continue;
    faults.push({
      path,
      code: 'too_many_dependents',
      message: `${count} depend on ${key}; at most ${MAX_DEPENDENTS} may`,
    });
  }
  for (const cycle of findCycles(nodes)) {
    faults.push({ path, code: 'cycle', message: `these depend on each other: ${cycle.join(' > ')}` });
  }
  return faults;
}
