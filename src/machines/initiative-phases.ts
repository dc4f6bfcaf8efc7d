import type { InitiativeContext } from './initiative-context.ts';
import type { InitiativeEvent } from './initiative-events.ts';
import type { Create, TellParams } from './outbox.ts';
import { URGENT } from './phase-tasks.ts';
import { putComments } from './review-states.ts';

/** The row of a phase that the initiative makes. */
export interface PhaseRow {
  readonly child: number;
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly dependsOn: readonly number[];
}

type Args<T extends InitiativeEvent['type']> = {
  context: InitiativeContext;
  event: Extract<InitiativeEvent, { type: T }>;
};

/** The actor of a phase, whoever asked for it; it is told how many tasks are on their way to it as messages. */
function actorOf(
  context: InitiativeContext,
  phase: { draft: boolean; dependsOn: readonly number[]; planned: number },
): Create {
  return {
    child: context.next,
    machine: 'phase',
    input: {
      ordinal: context.next,
      mode: context.mode,
      draft: phase.draft,
      dependsOn: phase.dependsOn,
      tasks: 0,
      planned: phase.planned,
      paused: context.paused,
      maxAttempts: context.maxAttempts,
      maxRounds: context.maxRounds,
      maxConflicts: context.maxConflicts,
    },
  };
}

/** Makes the phase that the event describes; its tasks come to it as messages. */
export const addPhase = [
  {
    type: 'create',
    params: ({ context, event }: Args<'initiative.addPhase'>) =>
      actorOf(context, { ...event, planned: event.tasks.length }),
  },
  {
    type: 'phase.insert',
    params: ({ context, event }: Args<'initiative.addPhase'>): PhaseRow => ({
      child: context.next,
      key: event.key,
      title: event.title,
      description: event.description,
      dependsOn: event.dependsOn,
    }),
  },
  {
    type: 'tell',
    params: ({ context, event }: Args<'initiative.addPhase'>): TellParams => ({
      many: event.tasks.map((task) => ({
        to: { child: context.next },
        event: { type: 'phase.planTask', ...task },
      })),
    }),
  },
  'countPhase',
] as const;

/** The projects that an effect met a conflict in; null when it did not say. */
interface ConflictArgs {
  readonly context: InitiativeContext;
  readonly event: { readonly output: { readonly projects?: readonly string[] } };
}

/** Makes the phase in which one task merges the default branches into the initiative; there is one at a time. */
export const addMergePhase = [
  {
    type: 'create',
    params: ({ context }: ConflictArgs) => actorOf(context, { draft: false, dependsOn: [], planned: 1 }),
  },
  {
    type: 'phase.insert',
    params: ({ context }: ConflictArgs): PhaseRow => ({
      child: context.next,
      key: `merge-${context.next}`,
      title: 'Resolve the conflict with the default branches',
      description: '',
      dependsOn: [],
    }),
  },
  {
    type: 'tell',
    params: ({ context, event }: ConflictArgs): TellParams => ({
      to: { child: context.next },
      event: {
        type: 'phase.planTask',
        key: 'merge-1',
        title: 'Merge the default branches into the initiative',
        description: '',
        dependsOn: [],
        priority: URGENT,
        capabilities: [],
        needsReview: false,
        category: 'merge',
        conflictOf: 'initiative',
        projects: event.output.projects ?? null,
      },
    }),
  },
  'noteMergePhase',
  'countPhase',
] as const;

/** Makes the phase that answers a reviewer; its one task has what the reviewer said. `nextRound` has to come after it. */
export const addRevisionPhase = [
  {
    type: 'create',
    params: ({ context }: Args<'initiative.requestChanges'>) =>
      actorOf(context, { draft: false, dependsOn: [], planned: 1 }),
  },
  {
    type: 'phase.insert',
    params: ({ context }: Args<'initiative.requestChanges'>): PhaseRow => ({
      child: context.next,
      key: `revision-${context.round}`,
      title: 'Make the changes that the reviewer requested',
      description: '',
      dependsOn: [],
    }),
  },
  ...putComments(({ heads }: InitiativeContext) => heads),
  {
    type: 'tell',
    params: ({ context, event }: Args<'initiative.requestChanges'>): TellParams => ({
      to: { child: context.next },
      event: {
        type: 'phase.planTask',
        key: 'requested-changes',
        title: 'Make the changes that the reviewer requested',
        description: event.summary,
        dependsOn: [],
        priority: URGENT,
        capabilities: [],
        needsReview: false,
        category: 'review',
        projects: null,
      },
    }),
  },
  'countPhase',
] as const;
