import { assign, setup } from 'xstate';
import { childCount } from './children.ts';
import { afterSettled } from './dependencies.ts';
import { effect } from './effect.ts';
import { failure, failureOf } from './failure.ts';
import { inert, type Create, type TellParams } from './outbox.ts';
import type { PhaseContext, PhaseInput } from './phase-context.ts';
import type { PhaseEvent } from './phase-events.ts';
import type { TaskRow } from './phase-tasks.ts';
import type { CommentRow, Proof, ReviewOpening } from './review-states.ts';
import type { Tag } from './tags.ts';
import { withoutWatcher, withWatcher } from './watchers.ts';

/** What landing a phase can come to. */
export interface PhaseLanding {
  readonly result: 'landed' | 'already' | 'empty' | 'conflict' | 'heads_moved' | 'source_lost' | 'unrelated';
  readonly message?: string;
  /** Where it conflicts, by key. */
  readonly projects?: readonly string[];
}

const LANDED: readonly string[] = ['landed', 'already', 'empty'];

/** The merge task of the phase itself was canceled or waived: its conflict is still there. */
function hasLostMerge({ resolver }: PhaseContext, event: PhaseEvent): boolean {
  return event.type === 'task.settled' && event.ordinal === resolver && event.outcome !== 'completed';
}

/** Types, effects, actions and guards of the phase machine. */
export const phaseSetup = setup({
  types: {
    context: {} as PhaseContext,
    events: {} as PhaseEvent,
    input: {} as PhaseInput,
    tags: {} as Tag,
  },
  actors: {
    'phase.open': effect<Record<string, never>>(),
    'phase.prove': effect<Proof>(),
    'phase.openReview': effect<ReviewOpening, { round: number }>(),
    'phase.land': effect<PhaseLanding, { approved: string | null }>(),
    'phase.retire': effect<Record<string, never>, { outcome: string }>(),
  },
  actions: {
    tell: inert<TellParams>(),
    create: inert<Create | { many: readonly Create[] }>(),
    'task.insert': inert<TaskRow | { many: readonly TaskRow[] }>(),
    'comment.put': inert<{ many: readonly CommentRow[] }>(),
    'comments.request': inert<{ round: number }>(),
    'answers.land': inert<Record<string, never>>(),
    'title.put': inert<{ title: string }>(),
    'intents.close': inert<Record<string, never>>(),
    watch: assign(({ context, event }) =>
      event.type === 'dependency.watch' ? { watchers: withWatcher(context.watchers, event.by) } : {},
    ),
    unwatch: assign(({ context, event }) =>
      event.type === 'dependency.unwatch' ? { watchers: withoutWatcher(context.watchers, event.by) } : {},
    ),
    noteDependency: assign(({ context, event }) =>
      event.type === 'dependency.settled' ? afterSettled(context, event) : {},
    ),
    relink: assign(({ event }) =>
      event.type === 'phase.relink' ? { pending: event.dependsOn, stranded: [] } : {},
    ),
    recordConflict: assign((_, landing: PhaseLanding) => ({
      conflict: { of: 'phase' as const, projects: landing.projects ?? null },
    })),
    notePlannedMerge: assign(({ context, event }) =>
      event.type === 'phase.planTask' && event.conflictOf === 'initiative'
        ? {
            conflict: { of: event.conflictOf, projects: event.projects },
            resolver: context.next,
            conflicts: 1,
          }
        : {},
    ),
    countMerge: assign(({ context }) => ({ resolver: context.next, conflicts: context.conflicts + 1 })),
    /** Whatever conflicts after it is another conflict. */
    noteResolved: assign(({ context, event }) =>
      event.type === 'task.settled' && event.ordinal === context.resolver && event.outcome === 'completed'
        ? { resolver: null, conflicts: 0 }
        : {},
    ),
    startOver: assign({ conflicts: 0, failure: null }),
    noteUnresolved: assign({ unresolved: true }),
    // What still comes of the last one decides nothing.
    recordUnresolved: assign({
      resolver: null,
      unresolved: false,
      failure: failure('conflict', 'each merge task that was made for the conflict failed or was canceled'),
    }),
    clearFailure: assign({ failure: null }),
    countTask: assign(({ context }) => ({ next: context.next + 1 })),
    countParts: assign(({ context, event }) =>
      event.type === 'task.splitting' ? { next: context.next + event.into.length } : {},
    ),
    countSettled: assign(({ context }) => ({ settled: context.settled + 1 })),
    countStuck: assign(({ context }) => ({ stuck: context.stuck + 1 })),
    countUnstuck: assign(({ context }) => ({ stuck: Math.max(0, context.stuck - 1) })),
    notePause: assign({ paused: true }),
    noteResume: assign({ paused: false }),
    noteOpened: assign({ opened: true, failure: null }),
    recordHeads: assign((_, { digest }: ReviewOpening) => ({
      heads: digest,
      approved: null,
      failure: null,
    })),
    recordApproval: assign(({ context }, { lands }: { lands: string | null }) => ({
      approved: lands ?? context.heads,
    })),
    voidReview: assign({ heads: null, approved: null }),
    nextRound: assign(({ context }) => ({
      round: context.round + 1,
      heads: null,
      approved: null,
    })),
    recordMissing: assign((_, proof: Proof) => ({
      failure: failure('not_proven', `not contained in the branch of the phase: ${proof.missing.join(', ')}`),
    })),
    recordResult: assign((_, landing: PhaseLanding) => ({
      failure: failure(landing.result, landing.message ?? landing.result),
    })),
    recordError: assign((_, params: { error: unknown }) => ({ failure: failureOf(params.error) })),
    requestCancel: assign(({ event }) => ({
      cancelRequested: true,
      dependents: event.type === 'phase.cancel' ? (event.dependents ?? null) : ('cancel' as const),
    })),
    recordCancel: assign(({ event }) => ({
      outcome: 'canceled' as const,
      dependents: event.type === 'phase.cancel' ? (event.dependents ?? null) : ('cancel' as const),
    })),
    recordLateCancel: assign({ outcome: 'canceled' as const }),
    recordWaive: assign({ outcome: 'waived' as const, dependents: null }),
  },
  guards: {
    isNotDraft: ({ context }) => !context.draft,
    hasItsPlan: ({ context }) => context.next > context.planned,
    isFree: ({ context }) => context.pending.length === 0,
    isStranded: ({ context }) => context.stranded.length > 0,
    isNotStranded: ({ context }) => context.stranded.length === 0,
    canRelink: ({ context, event }) =>
      event.type === 'phase.relink' && !event.dependsOn.includes(context.ordinal),
    cancelsWithIt: ({ context, event }) =>
      event.type === 'dependency.settled' &&
      event.outcome === 'canceled' &&
      event.policy === 'cancel' &&
      context.pending.includes(event.of),
    areAllSettled: ({ context }) => context.settled >= childCount(context),
    isAnyStuck: ({ context }) => context.stuck > 0,
    isNoneStuck: ({ context }) => context.stuck === 0,
    isNotPaused: ({ context }) => !context.paused,
    isProvenAndYolo: ({ context }, proof: Proof) => proof.proven && context.mode === 'yolo',
    isProven: (_, proof: Proof) => proof.proven,
    areHeadsServed: ({ context, event }) => event.type === 'phase.approve' && event.digest === context.heads,
    hasRoundsLeft: ({ context }) => context.round < context.maxRounds,
    saysWhatDependentsDo: ({ context, event }) =>
      event.type === 'phase.cancel' && (context.watchers.length === 0 || event.dependents !== undefined),
    hasLanded: (_, landing: PhaseLanding) => LANDED.includes(landing.result),
    isCancelRequested: ({ context }) => context.cancelRequested,
    isConflict: (_, landing: PhaseLanding) => landing.result === 'conflict',
    isConflictToResolve: ({ context }, landing: PhaseLanding) =>
      landing.result === 'conflict' && context.conflicts < context.maxConflicts,
    isMergedAgain: ({ context, event }) =>
      hasLostMerge(context, event) && context.conflicts < context.maxConflicts,
    isLastMerge: ({ context, event }) => hasLostMerge(context, event),
    isLeftUnresolved: ({ context }) => context.unresolved && context.settled >= childCount(context),
    mayMergeAgain: ({ context, event }) =>
      event.type === 'task.unresolved' &&
      event.ordinal === context.resolver &&
      context.conflicts < context.maxConflicts,
    isLastOpen: ({ context, event }) =>
      event.type === 'task.unresolved' &&
      event.ordinal === context.resolver &&
      context.settled === childCount(context) - 1,
    isAgreedAndSettled: ({ context }) =>
      (context.mode === 'yolo' || context.approved !== null) && context.settled >= childCount(context),
    haveHeadsMoved: (_, landing: PhaseLanding) => landing.result === 'heads_moved',
  },
});
