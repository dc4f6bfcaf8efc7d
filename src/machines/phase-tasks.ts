import type { Create } from './outbox.ts';
import type { TaskCategory } from './payloads.ts';
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
  readonly resolves: number | null;
  /** The review round whose comments the task answers. */
  readonly round: number | null;
}

type NewTask = Pick<TaskRow, 'key' | 'title' | 'category' | 'priority'> & Partial<TaskRow>;

type Args<T extends PhaseEvent['type']> = {
  context: PhaseContext;
  event: Extract<PhaseEvent, { type: T }>;
};

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
    resolves: null,
    round: null,
    ...task,
  };
}

function actorOf(context: PhaseContext, task: NewTask): Create {
  const { child, category, needsReview, priority, dependsOn, resolves } = rowOf(context, task);
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
      resolves,
      maxAttempts: context.maxAttempts,
    },
  };
}

/** Makes a task, as an actor and as a row. `countTask` has to come after all that names the task by `next`. */
function makes<T extends PhaseEvent['type']>(taskOf: (args: Args<T>) => NewTask) {
  return [
    { type: 'create', params: (args: Args<T>) => actorOf(args.context, taskOf(args)) },
    { type: 'task.insert', params: (args: Args<T>) => rowOf(args.context, taskOf(args)) },
  ] as const;
}

/** Makes the task that the event describes. */
export const addTask = [
  ...makes<'phase.addTask' | 'phase.planTask'>(({ event }) => ({
    key: event.key,
    title: event.title,
    description: event.description,
    category: 'execute',
    priority: event.priority,
    needsReview: event.needsReview,
    capabilities: event.capabilities,
    projects: event.projects,
    dependsOn: event.dependsOn,
  })),
  'countTask',
] as const;

/** Makes the task that answers a reviewer; `nextRound` has to come after it. */
export const addRevisionTask = [
  ...makes<'phase.requestChanges'>(({ context, event }) => ({
    key: `revision-${context.round}`,
    title: 'Make the changes that the reviewer requested',
    description: event.summary,
    category: 'review',
    priority: URGENT,
    round: context.round,
  })),
  putComments,
  'countTask',
] as const;

/** Makes the merge task for a task that does not merge cleanly, and tells that task of it. */
export const addMergeTask = [
  ...makes<'task.conflicted'>(({ context, event }) => ({
    key: `merge-${event.ordinal}-${context.next}`,
    title: 'Resolve a merge conflict',
    category: 'merge',
    priority: URGENT,
    resolves: event.ordinal,
  })),
  {
    type: 'tell',
    params: ({ context, event }: Args<'task.conflicted'>) => ({
      to: { child: event.ordinal },
      event: { type: 'conflict.assigned', to: context.next },
    }),
  },
  'countTask',
] as const;
