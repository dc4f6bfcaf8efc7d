import { assign, setup } from 'xstate';
import { afterReplaced, afterSettled } from './dependencies.ts';
import { effect } from './effect.ts';
import { failure, failureOf } from './failure.ts';
import { inert, type TellParams } from './outbox.ts';
import type { CommentRow } from './review-states.ts';
import type { Tag } from './tags.ts';
import type { AnswerRow } from './task-answers.ts';
import { MAX_DEFERRALS, MAX_OUTRUNS, type TaskContext, type TaskInput } from './task-context.ts';
import type { TaskEvent } from './task-events.ts';
import { withoutWatcher, withWatcher } from './watchers.ts';

/** What landing a task can come to. */
export interface TaskLanding {
  readonly result:
    | 'landed'
    | 'already'
    | 'empty'
    | 'conflict'
    | 'outrun'
    | 'source_lost'
    | 'not_contained'
    | 'unrelated';
  readonly message?: string;
}

const LANDED: readonly string[] = ['landed', 'already', 'empty'];

/** The lease that ran out is the one to be given back, and nobody has had the task since. */
function hasLapsed({ lapsed, attempt }: TaskContext, event: TaskEvent): boolean {
  return event.type === 'task.regain' && lapsed === event.lease && attempt === event.attempt;
}

/** Types, effects, actions and guards of the task machine. */
export const taskSetup = setup({
  types: {
    context: {} as TaskContext,
    events: {} as TaskEvent,
    input: {} as TaskInput,
    tags: {} as Tag,
  },
  actors: {
    'task.land': effect<TaskLanding, { submission: string | null; attempt: number }>(),
    'task.retire': effect<Record<string, never>, { outcome: string }>(),
  },
  delays: {
    deferral: ({ context }) => context.deferSeconds * 1_000,
  },
  actions: {
    tell: inert<TellParams>(),
    'ready.put': inert<{ priority: number; attempt: number }>(),
    'ready.remove': inert<Record<string, never>>(),
    'lease.put': inert<{ lease: string; agent: string; attempt: number; seconds: number }>(),
    'lease.remove': inert<Record<string, never>>(),
    'title.put': inert<{ title: string }>(),
    'comment.put': inert<{ many: readonly CommentRow[] }>(),
    'comments.request': inert<{ round: number }>(),
    'answers.put': inert<{ many: readonly AnswerRow[] }>(),
    'answers.count': inert<{ many: readonly AnswerRow[] }>(),
    'answers.land': inert<Record<string, never>>(),
    'intents.close': inert<Record<string, never>>(),
    watch: assign(({ context, event }) =>
      event.type === 'dependency.watch' ? { watchers: withWatcher(context.watchers, event.by) } : {},
    ),
    unwatch: assign(({ context, event }) =>
      event.type === 'dependency.unwatch' ? { watchers: withoutWatcher(context.watchers, event.by) } : {},
    ),
    replaceDependency: assign(({ context, event }) =>
      event.type === 'dependency.replaced' ? afterReplaced(context, event) : {},
    ),
    recordSplit: assign(({ event }) =>
      event.type === 'split.made'
        ? { outcome: 'split' as const, parts: { first: event.first, count: event.count } }
        : {},
    ),
    noteDependency: assign(({ context, event }) =>
      event.type === 'dependency.settled' ? afterSettled(context, event) : {},
    ),
    relink: assign(({ event }) =>
      event.type === 'task.relink' ? { pending: event.dependsOn, stranded: [] } : {},
    ),
    reprioritize: assign(({ event }) =>
      event.type === 'task.reprioritize' ? { priority: event.priority } : {},
    ),
    openPhase: assign({ phaseOpen: true }),
    takeLease: assign(({ event }) =>
      event.type === 'task.claim'
        ? {
            lease: { id: event.lease, agentId: event.agentId },
            attempt: event.attempt,
            lapsed: null,
            submission: null,
            failure: null,
          }
        : {},
    ),
    noteLapse: assign((_, { lease }: { lease: string }) => ({ lapsed: lease })),
    noteAsking: assign({ asking: true }),
    noteAnswered: assign({ asking: false }),
    // What ran out was not a failure of the agent's, as it turns out.
    regainLease: assign(({ context }, lease: { id: string; agentId: string }) => ({
      lease,
      lapsed: null,
      failures: Math.max(0, context.failures - 1),
      failure: null,
    })),
    defer: assign(({ context }, put: { seconds: number; code: string; message: string }) => ({
      deferrals: context.deferrals + 1,
      deferSeconds: put.seconds,
      failure: failure(put.code, put.message),
    })),
    dropLease: assign({ lease: null }),
    recordSubmission: assign(({ event }) =>
      event.type === 'task.submit' ? { submission: event.submission } : {},
    ),
    dropSubmission: assign({ submission: null }),
    nextRound: assign(({ context }) => ({ round: context.round + 1, submission: null })),
    countFailure: assign(({ context, event }) => ({
      failures: context.failures + 1,
      failure:
        event.type === 'task.fail'
          ? failure(event.code, event.message)
          : event.type === 'task.stop'
            ? { code: 'agent_crashed', message: 'the agent said that it crashed' }
            : event.type === 'lease.expired'
              ? { code: 'lease_expired', message: 'the agent was not heard of for a whole lease' }
              : context.failure,
    })),
    recordResult: assign((_, landing: TaskLanding) => ({
      failure: failure(landing.result, landing.message ?? landing.result),
    })),
    recordError: assign((_, params: { error: unknown }) => ({ failure: failureOf(params.error) })),
    countConflict: assign(({ context }) => ({
      conflicts: context.conflicts + 1,
      resolver: null,
      pastResolver: Math.max(context.pastResolver, context.resolver ?? 0),
    })),
    clearFailure: assign({ failure: null }),
    countOutrun: assign(({ context }) => ({ outruns: context.outruns + 1 })),
    recordResolver: assign(({ context, event }) => {
      if (event.type === 'conflict.assigned') {
        return event.to > context.pastResolver ? { resolver: event.to } : {};
      }
      return event.type === 'conflict.resolved' || event.type === 'conflict.failed'
        ? { resolver: event.by }
        : {};
    }),
    startOver: assign({ failures: 0, conflicts: 0, outruns: 0, deferrals: 0, failure: null }),
    requestCancel: assign(({ event }) => ({
      cancelRequested: true,
      dependents: event.type === 'task.cancel' ? (event.dependents ?? null) : ('cancel' as const),
    })),
    recordCancel: assign(({ event }) => ({
      outcome: 'canceled' as const,
      dependents: event.type === 'task.cancel' ? (event.dependents ?? null) : ('cancel' as const),
    })),
    recordLateCancel: assign({ outcome: 'canceled' as const }),
    recordWaive: assign({ outcome: 'waived' as const, dependents: null }),
  },
  guards: {
    isReady: ({ context }) => context.phaseOpen && context.pending.length === 0,
    isStranded: ({ context }) => context.stranded.length > 0,
    isNotStranded: ({ context }) => context.stranded.length === 0,
    // A merge task that waited for the task it resolves would wait for ever, and so would that one. What was handed in
    // is landed when it is tried again, and waits for nobody.
    canRelink: ({ context, event }) =>
      event.type === 'task.relink' &&
      context.resolves === null &&
      context.submission === null &&
      !event.dependsOn.includes(context.ordinal),
    canSplit: ({ context }) => context.category === 'execute' && context.attempt === 0,
    waitsForIt: ({ context, event }) =>
      event.type === 'dependency.replaced' && context.pending.includes(event.of),
    cancelsWithIt: ({ context, event }) =>
      event.type === 'dependency.settled' &&
      event.outcome === 'canceled' &&
      event.policy === 'cancel' &&
      context.pending.includes(event.of),
    isNextAttempt: ({ context, event }) =>
      event.type === 'task.claim' && event.attempt === context.attempt + 1,
    isLapsed: ({ context, event }) => hasLapsed(context, event),
    isLapsedAsking: ({ context, event }) => context.asking && hasLapsed(context, event),
    isPutOff: ({ context, event }) =>
      event.type === 'task.fail' &&
      event.code === 'rate_limited' &&
      event.retryAfterSeconds !== null &&
      context.lease?.id === event.lease &&
      context.deferrals < MAX_DEFERRALS,
    holdsLease: ({ context, event }) => 'lease' in event && context.lease?.id === event.lease,
    holdsLeaseAndIsReviewed: ({ context, event }) =>
      context.needsReview && 'lease' in event && context.lease?.id === event.lease,
    holdsLastLease: ({ context, event }) =>
      'lease' in event && context.lease?.id === event.lease && context.failures + 1 >= context.maxAttempts,
    isStoppedByUser: ({ context, event }) =>
      event.type === 'task.stop' && event.reason === 'user_requested' && context.lease?.id === event.lease,
    areHeadsServed: ({ context, event }) =>
      event.type === 'task.approve' && event.digest === context.submission,
    isFromResolver: ({ context, event }) =>
      (event.type === 'conflict.resolved' || event.type === 'conflict.failed') &&
      event.by > context.pastResolver,
    mayBeResolvedAgain: ({ context, event }) =>
      event.type === 'conflict.failed' &&
      event.by > context.pastResolver &&
      context.conflicts < context.maxConflicts,
    hasRoundsLeft: ({ context }) => context.round < context.maxRounds,
    hasSubmission: ({ context }) => context.submission !== null,
    saysWhatDependentsDo: ({ context, event }) =>
      event.type === 'task.cancel' && (context.watchers.length === 0 || event.dependents !== undefined),
    hasLanded: (_, landing: TaskLanding) => LANDED.includes(landing.result),
    isCancelRequested: ({ context }) => context.cancelRequested,
    isConflict: ({ context }, landing: TaskLanding) =>
      landing.result === 'conflict' &&
      context.conflictOf === null &&
      context.conflicts < context.maxConflicts,
    isRepeatedConflict: ({ context }, landing: TaskLanding) =>
      landing.result === 'conflict' && context.conflictOf === null,
    // A merge task that conflicts has to merge again itself: nobody resolves the conflict of a resolution.
    isOutrun: ({ context }, landing: TaskLanding) =>
      (landing.result === 'outrun' || (landing.result === 'conflict' && context.conflictOf !== null)) &&
      context.outruns < MAX_OUTRUNS,
    isIncomplete: ({ context }, landing: TaskLanding) =>
      landing.result === 'not_contained' && context.failures + 1 < context.maxAttempts,
  },
});
