import type { Random } from './random.ts';

export type Strategy = 'merge_and_push' | 'push_branch';

/** The plan as it is posted: dependencies by key. */
export interface PlanDocument {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly mode: 'review_per_phase' | 'yolo';
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

/** Two plans, and what is to happen on the way. Tasks are named `phase/task`; no two phases have one key. */
export interface Scenario {
  /** Each of its phases is reviewed. */
  readonly plan: PlanDocument;
  /** Its phases are merged without asking, beside the other plan. */
  readonly chores: PlanDocument;
  /** Both edit the same line from the same start. */
  readonly conflicting: readonly [string, string];
  /** Its first agent is killed while it works. */
  readonly victim: string;
  /** What it hands in says TODO, and the reviewer does not take that. */
  readonly unfinished: string;
  /** Added to a phase while the reviewer reads it. */
  readonly late: { readonly phase: string; readonly task: PlannedTask };
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

const CHORES: PlanDocument = {
  key: 'chores',
  title: 'Chores',
  description: 'Small things that nobody has to look at one by one.',
  mode: 'yolo',
  projects: [{ key: APP, strategy: 'merge_and_push' }],
  phases: [
    {
      key: 'tidy',
      title: 'Tidy up',
      dependsOn: [],
      tasks: ['format', 'typos'].map((key) => plannedTask('tidy', key, { projects: [APP] })),
    },
    {
      key: 'upkeep',
      title: 'Upkeep',
      dependsOn: ['tidy'],
      tasks: [plannedTask('upkeep', 'versions', { projects: [APP] })],
    },
  ],
};

/** Three phases with `tasks` tasks, spread evenly, and the chores beside them. */
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
      description: 'A plan that meets a conflict, a lost agent, a killed service and a reviewer on its way.',
      mode: 'review_per_phase',
      projects: [
        { key: APP, strategy: 'merge_and_push' },
        { key: LIB, strategy: 'push_branch' },
      ],
      phases,
    },
    chores: CHORES,
    conflicting: ['foundation/model', 'foundation/schema'],
    victim: random.pick(['service/routes', 'service/client', 'docs/guide', 'docs/reference']),
    unfinished: 'docs/guide',
    late: { phase: 'service', task: plannedTask('service', 'limits', { projects: [APP], priority: 90 }) },
  };
}

/** A line `phase/task project...` per task: what has to be delivered, written before anything ran. */
export function planKeys({ plan, chores, late }: Scenario): string {
  const planned = [...plan.phases, ...chores.phases].flatMap(({ key, tasks }) =>
    tasks.map((task) => [key, task] as const),
  );
  return [...planned, [late.phase, late.task] as const]
    .map(([phase, task]) => `${[`${phase}/${task.key}`, ...task.projects].join(' ')}\n`)
    .join('');
}

function taskOf(names: readonly string[], index: number, phase: string, random: Random): PlannedTask {
  // The first two of a phase work in both projects, so that every phase lands in both or in none. The third waits for the first.
  return plannedTask(phase, names[index] ?? `part-${index + 1}`, {
    projects: index < 2 ? BOTH : [random.pick(BOTH)],
    dependsOn: index === 2 ? names.slice(0, 1) : [],
    priority: index < 2 ? 90 : 50,
  });
}

function plannedTask(
  phase: string,
  key: string,
  {
    projects,
    dependsOn = [],
    priority = 50,
  }: {
    readonly projects: readonly string[];
    readonly dependsOn?: readonly string[];
    readonly priority?: number;
  },
): PlannedTask {
  return {
    key,
    title: `Write the ${key} part of ${phase}`,
    description: `Add the ${key} part.\nOne new file in each project is enough.`,
    dependsOn,
    priority,
    projects,
  };
}
