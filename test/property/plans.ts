import type { Random } from '../../src/demo/random.ts';

export const CAPABILITIES = ['linux', 'gpu'] as const;

export interface PlannedTask {
  readonly key: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
  readonly priority: number;
  readonly capabilities: readonly string[];
  readonly needsReview: boolean;
  readonly projects: readonly string[] | null;
}

export function chance(random: Random, of: number): boolean {
  return random.next() < of;
}

/** Each of them with this chance. */
export function someOf<T>(random: Random, all: readonly T[], of: number): T[] {
  return all.filter(() => chance(random, of));
}

export function shuffled<T>(random: Random, all: readonly T[]): T[] {
  const left = [...all];
  return all.flatMap(() => left.splice(random.between(0, left.length - 1), 1));
}

/** A task that waits for some of its elder siblings. */
export function randomTask(
  random: Random,
  key: string,
  elder: readonly string[],
  projects: readonly string[],
): PlannedTask {
  const some = someOf(random, projects, 0.6);
  return {
    key,
    title: `Task ${key}`,
    dependsOn: someOf(random, elder, 0.25),
    priority: random.between(0, 100),
    capabilities: someOf(random, CAPABILITIES, 0.2),
    needsReview: chance(random, 0.2),
    projects: some.length === 0 || chance(random, 0.5) ? null : some,
  };
}

export function randomTasks(random: Random, projects: readonly string[]): PlannedTask[] {
  const keys = ['a', 'b', 'c'].slice(0, random.between(1, 3));
  return keys.map((key, index) => randomTask(random, key, keys.slice(0, index), projects));
}

/** A small plan with limits so narrow that they are reached. */
export function randomPlan(random: Random, key: string, allProjects: readonly string[]) {
  const some = someOf(random, allProjects, 0.6);
  const projects = some.length === 0 ? [random.pick(allProjects)] : some;
  const phases = ['one', 'two', 'three'].slice(0, random.between(1, 3));
  return {
    key,
    title: `Initiative ${key}`,
    mode: random.pick(['yolo', 'yolo', 'review_per_phase'] as const),
    start: chance(random, 0.85),
    limits: {
      phases: random.between(1, 3),
      tasks: random.between(1, 5),
      attempts: random.between(1, 4),
      rounds: random.between(1, 3),
      conflicts: random.between(1, 3),
    },
    projects: projects.map((project) => ({
      key: project,
      strategy: random.pick(['push_branch', 'merge_and_push'] as const),
    })),
    phases: phases.map((phase, index) => ({
      key: phase,
      title: `Phase ${phase}`,
      dependsOn: someOf(random, phases.slice(0, index), 0.35),
      draft: chance(random, 0.15),
      tasks: randomTasks(random, projects),
    })),
  };
}
