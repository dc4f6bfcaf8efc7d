import type { Create } from './outbox.ts';
import type { ConflictUnit, TaskCategory } from './payloads.ts';
import type { PhaseContext } from './phase-context.ts';
import type { PhaseEvent } from './phase-events.ts';
import { putComments } from './review-states.ts';

/** The row of a task that the phase makes. */
export interface TaskRow {
  readonly child: number;
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly category: TaskCategory;
  readonly priority: number;
  readonly needsReview: boolean;
  readonly capabilities: readonly string[];
  readonly projects: readonly string[] | null;
  readonly dependsOn: readonly number[];
  readonly conflictOf: ConflictUnit | null;
  readonly resolves: number | null;
  /** The review round whose comments the task answers. */
  readonly round: number | null;
}

type NewTask = Pick<TaskRow, 'key' | 'title' | 'category' | 'priority'> & Partial<TaskRow>;

type Of<T extends PhaseEvent['type']> = Extract<PhaseEvent, { type: T }>;

interface Args<Event> {
  readonly context: PhaseContext;
  readonly event: Event;
}

/** Priority of work that others wait for: revisions and conflicts go first. */
export const URGENT = 90;

/** A task has the next ordinal, in its row as in its actor. */
function rowOf(context: PhaseContext, task: NewTask): TaskRow {
  return {
    child: context.next,
    description: '',
    needsReview: false,
    capabilities: [],
    projects: null,
    dependsOn: [],
    conflictOf: null,
    resolves: null,
    round: null,
    ...task,
  };
}

function actorOf(context: PhaseContext, task: NewTask): Create {
  const { child, category, needsReview, priority, dependsOn, conflictOf, resolves } = rowOf(context, task);
  return {
    child,
    machine: 'task',
    input: {
      ordinal: child,
      category,
      needsReview,
      priority,
      phaseOpen: context.opened,
      dependsOn,
      conflictOf,
      resolves,
      maxAttempts: context.maxAttempts,
      maxRounds: context.maxRounds,
      maxConflicts: context.maxConflicts,
    },
  };
}

/** Makes a task, as an actor and as a row. `countTask` has to come after all that names the task by `next`. */
function makes<Event>(taskOf: (args: Args<Event>) => NewTask) {
  return [
    { type: 'create', params: (args: Args<Event>) => actorOf(args.context, taskOf(args)) },
    { type: 'task.insert', params: (args: Args<Event>) => rowOf(args.context, taskOf(args)) },
  ] as const;
}

/** What the event says of the task. */
function described(event: Of<'phase.addTask' | 'phase.planTask'>) {
  const { key, title, description, priority, needsReview, capabilities, projects, dependsOn } = event;
  return { key, title, description, priority, needsReview, capabilities, projects, dependsOn };
}

/** Makes the task that the event describes. */
export const addTask = [
  ...makes<Of<'phase.addTask'>>(({ event }) => ({ ...described(event), category: 'execute' })),
  'countTask',
] as const;

/** Makes a task of the plan, or that of a phase which was made for a conflict or for a reviewer. */
export const planTask = [
  ...makes<Of<'phase.planTask'>>(({ event }) => ({
    ...described(event),
    conflictOf: event.conflictOf,
    category: event.category,
  })),
  'notePlannedMerge',
  'countTask',
] as const;

/** What a split task says of one part; parts that wait for earlier ones know their ordinals only here. */
function partsOf({ context, event }: Args<Of<'task.splitting'>>): NewTask[] {
  return event.into.map(({ after, ...part }, place) => ({
    ...part,
    child: context.next + place,
    category: 'execute',
    dependsOn: [...new Set([...part.dependsOn, ...after.map((earlier) => context.next + earlier - 1)])],
  }));
}

/** Makes the tasks that take the place of one, all in this turn, and tells that one which they are. */
export const splitTask = [
  {
    type: 'create',
    params: (args: Args<Of<'task.splitting'>>) => ({
      many: partsOf(args).map((part) => actorOf(args.context, part)),
    }),
  },
  {
    type: 'task.insert',
    params: (args: Args<Of<'task.splitting'>>) => ({
      many: partsOf(args).map((part) => rowOf(args.context, part)),
    }),
  },
  {
    type: 'tell',
    params: ({ context, event }: Args<Of<'task.splitting'>>) => ({
      to: { child: event.ordinal },
      event: { type: 'split.made', first: context.next, count: event.into.length },
    }),
  },
  'countParts',
] as const;

/** Tells a task that it stays as it is. */
export const refuseSplit = {
  type: 'tell',
  params: ({ event }: { event: { ordinal: number } }) => ({
    to: { child: event.ordinal },
    event: { type: 'split.refused' },
  }),
} as const;

/** Makes the task that answers a reviewer; `nextRound` has to come after it. */
export const addRevisionTask = [
  ...makes<Of<'phase.requestChanges'>>(({ context, event }) => ({
    key: `revision-${context.round}`,
    title: 'Make the changes that the reviewer requested',
    description: event.summary,
    category: 'review',
    priority: URGENT,
    round: context.round,
  })),
  ...putComments(({ heads }: PhaseContext) => heads),
  'countTask',
] as const;

/** Makes the merge task for a task that does not merge cleanly, and tells that task of it. */
export const addMergeTask = [
  ...makes<Of<'task.conflicted'>>(({ context, event }) => ({
    key: `merge-${event.ordinal}-${context.next}`,
    title: 'Resolve a merge conflict',
    category: 'merge',
    priority: URGENT,
    needsReview: event.needsReview,
    conflictOf: 'task',
    resolves: event.ordinal,
  })),
  {
    type: 'tell',
    params: ({ context, event }: Args<Of<'task.conflicted'>>) => ({
      to: { child: event.ordinal },
      event: { type: 'conflict.assigned', to: context.next },
    }),
  },
  'countTask',
] as const;

/** Makes the merge task for the conflict that the phase has on record. */
export const addOwnMergeTask = [
  ...makes<unknown>(({ context: { conflict, next } }) => ({
    key: `merge-${next}`,
    title:
      conflict.of === 'initiative'
        ? 'Merge the default branches into the initiative'
        : 'Merge the initiative into the phase',
    category: 'merge',
    priority: URGENT,
    conflictOf: conflict.of,
    projects: conflict.projects,
  })),
  'countMerge',
  'countTask',
] as const;

/** Ends the merge task that came to nothing, so that the phase does not wait for it. */
export const dropMergeTask = {
  type: 'tell',
  params: ({ event }: Args<Of<'task.unresolved'>>) => ({
    to: { child: event.ordinal },
    event: { type: 'conflict.dropped' },
  }),
} as const;
