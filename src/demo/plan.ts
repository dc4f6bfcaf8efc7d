import type { Random } from './random.ts';

export type Strategy = 'merge_and_push' | 'push_branch';

/** The plan as it is posted: dependencies by key. */
export interface PlanDocument {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly mode: 'review_per_phase';
  readonly projects: readonly { readonly key: string; readonly strategy: Strategy }[];
  readonly phases: readonly PlannedPhase[];
}

export interface PlannedPhase {
  readonly key: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
  readonly tasks: readonly PlannedTask[];
}

export interface PlannedTask {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly dependsOn: readonly string[];
  readonly priority: number;
  readonly projects: readonly string[];
}

/** A plan, and what is to happen on the way. Tasks are named `phase/task`. */
export interface Scenario {
  readonly plan: PlanDocument;
  /** Both edit the same line from the same start. */
  readonly conflicting: readonly [string, string];
  /** Its first agent is killed while it works. */
  readonly victim: string;
}

/** One project is delivered by merging into its default branch, the other by pushing a branch. */
export const APP = 'app';
export const LIB = 'lib';
const BOTH = [APP, LIB] as const;

const PHASES = [
  { key: 'foundation', title: 'Foundation', dependsOn: [], names: ['model', 'schema', 'setup'] },
  { key: 'service', title: 'Service', dependsOn: ['foundation'], names: ['routes', 'client', 'errors'] },
  { key: 'docs', title: 'Docs', dependsOn: ['foundation'], names: ['guide', 'reference', 'changelog'] },
] as const;

/** Three phases with `tasks` tasks, spread evenly. */
export function scenarioOf(tasks: number, random: Random): Scenario {
  const phases = PHASES.map(({ key, title, dependsOn, names }, at): PlannedPhase => {
    const share = Math.floor(tasks / PHASES.length) + (at < tasks % PHASES.length ? 1 : 0);
    const planned = Array.from({ length: share }, (_, index) => taskOf(names, index, key, random));
    return { key, title, dependsOn, tasks: planned };
  });
  return {
    plan: {
      key: 'demo',
      title: 'The demo',
      description: 'A plan that meets a conflict, a lost agent and a killed service on its way.',
      mode: 'review_per_phase',
      projects: [
        { key: APP, strategy: 'merge_and_push' },
        { key: LIB, strategy: 'push_branch' },
      ],
      phases,
    },
    conflicting: ['foundation/model', 'foundation/schema'],
    victim: random.pick(['service/routes', 'service/client', 'docs/guide', 'docs/reference']),
  };
}

/** A line `phase/task project...` per task: what has to be delivered, written before anything ran. */
export function planKeys(plan: PlanDocument): string {
  return plan.phases
    .flatMap((phase) => phase.tasks.map((task) => [`${phase.key}/${task.key}`, ...task.projects].join(' ')))
    .map((line) => `${line}\n`)
    .join('');
}

function taskOf(names: readonly string[], index: number, phase: string, random: Random): PlannedTask {
  const key = names[index] ?? `part-${index + 1}`;
  // The first two of a phase work in both projects, so that every phase lands in both or in none. The third waits for the first.
  const projects = index < 2 ? BOTH : [random.pick(BOTH)];
  const dependsOn = index === 2 ? names.slice(0, 1) : [];
  return {
    key,
    title: `Write the ${key} part of ${phase}`,
    description: `Add the ${key} part.\nOne new file in each project is enough.`,
    dependsOn,
    priority: index < 2 ? 90 : 50,
    projects,
  };
}
