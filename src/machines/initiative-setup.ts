import { assign, setup } from 'xstate';
import { childCount } from './children.ts';
import { effect } from './effect.ts';
import { failure, failureOf } from './failure.ts';
import {
  grantable,
  inOrder,
  MAX_REVERTS,
  type InitiativeContext,
  type InitiativeInput,
  withoutPhase,
  withoutRequest,
  withRequest,
} from './initiative-context.ts';
import type { InitiativeEvent } from './initiative-events.ts';
import type { PhaseRow } from './initiative-phases.ts';
import { inert, type Create, type TellParams } from './outbox.ts';
import type { DeliveryStrategy } from './payloads.ts';
import type { CommentRow, Proof, ReviewOpening } from './review-states.ts';
import type { Tag } from './tags.ts';

/** What delivering an initiative can come to. */
export interface Delivery {
  readonly result:
    | 'delivered'
    | 'conflict'
    | 'heads_moved'
    | 'partially_delivered'
    | 'refused'
    | 'source_lost'
    | 'unrelated'
    | 'unreachable';
  readonly message?: string;
  /** Where it conflicts, by key. */
  readonly projects?: readonly string[];
  /** A push was begun, and nobody knows whether it arrived. */
  readonly unclear?: boolean;
}

/** What landing the default branches on the branch of the initiative can come to. */
export interface Sync {
  readonly result: 'landed' | 'conflict' | 'heads_moved' | 'source_lost' | 'unrelated';
  readonly message?: string;
  /** Where it conflicts, by key. */
  readonly projects?: readonly string[];
}

/** What planning to take a partial delivery back can come to: `prepared`, with the plan's name, or the code it is refused with. */
export interface RevertPlan {
  readonly result: string;
  readonly plan: string | null;
  readonly message?: string;
}

/** What taking it back can come to. `more_brought`: an earlier delivery brought something to another branch there. */
export interface RevertPush {
  readonly result: 'reverted' | 'remote_moved' | 'more_brought' | 'revert_refused';
  readonly message?: string;
}

const isToResolve = ({ conflicts, maxConflicts }: InitiativeContext, { result }: Delivery): boolean =>
  result === 'conflict' && conflicts < maxConflicts;

/** It goes on with a review or with one more phase, and is delivered again after that. */
const leadsBack = (context: InitiativeContext, delivery: Delivery): boolean =>
  delivery.result === 'heads_moved' || isToResolve(context, delivery);

/** Types, effects, actions and guards of the initiative machine. */
export const initiativeSetup = setup({
  types: {
    context: {} as InitiativeContext,
    events: {} as InitiativeEvent,
    input: {} as InitiativeInput,
    tags: {} as Tag,
  },
  actors: {
    'initiative.open': effect<Record<string, never>>(),
    'initiative.sync': effect<Sync>(),
    'initiative.prove': effect<Proof>(),
    'initiative.openReview': effect<ReviewOpening, { round: number }>(),
    'initiative.deliver': effect<Delivery, { approved: string | null }>(),
    'initiative.revert': effect<RevertPlan>(),
    'initiative.pushRevert': effect<RevertPush, { plan: string | null }>(),
    'initiative.retire': effect<Record<string, never>>(),
  },
  actions: {
    tell: inert<TellParams>(),
    create: inert<Create>(),
    'phase.insert': inert<PhaseRow>(),
    'comment.put': inert<{ many: readonly CommentRow[] }>(),
    'comments.request': inert<{ round: number }>(),
    'strategy.put': inert<{
      many: readonly { project: string; strategy: DeliveryStrategy }[];
    }>(),
    'pause.put': inert<{ paused: boolean }>(),
    'title.put': inert<{ title: string }>(),
    'intents.close': inert<Record<string, never>>(),
    countConflict: assign(({ context }) => ({ conflicts: context.conflicts + 1 })),
    startOver: assign({ conflicts: 0 }),
    startRevert: assign({ revert: null, reverts: 0 }),
    recordRevert: assign(({ context }, { plan }: RevertPlan) => ({
      revert: plan,
      reverts: context.reverts + 1,
    })),
    noteMergePhase: assign(({ context }) => ({ resolver: context.next })),
    /** Whatever conflicts after one that landed is another conflict. */
    noteResolved: assign(({ context, event }) =>
      event.type === 'phase.settled' && event.ordinal === context.resolver
        ? { resolver: null, conflicts: event.outcome === 'completed' ? 0 : context.conflicts }
        : {},
    ),
    countPhase: assign(({ context }) => ({ next: context.next + 1 })),
    countSettled: assign(({ context }) => ({ settled: context.settled + 1 })),
    dropPlace: assign(({ context, event }) =>
      event.type === 'phase.settled' ? { waiting: withoutPhase(context.waiting, event.ordinal) } : {},
    ),
    countStuck: assign(({ context }) => ({ stuck: context.stuck + 1 })),
    countUnstuck: assign(({ context }) => ({ stuck: Math.max(0, context.stuck - 1) })),
    noteRequest: assign(({ context, event }) =>
      event.type === 'slot.request' ? { waiting: withRequest(context.waiting, event.ordinal) } : {},
    ),
    noteWithdrawn: assign(({ context, event }) =>
      event.type === 'slot.withdrawn' ? { waiting: withoutRequest(context.waiting, event.ordinal) } : {},
    ),
    reorder: assign(({ context, event }) =>
      event.type === 'initiative.reorder' ? { waiting: inOrder(context.waiting, event.phases) } : {},
    ),
    countTaken: assign(({ context }) => ({ active: context.active + 1 })),
    countReturned: assign(({ context }) => ({ active: Math.max(0, context.active - 1) })),
    countGrants: assign(({ context }) => {
      const granted = grantable(context);
      return {
        active: context.active + granted.length,
        waiting: context.waiting.filter((ordinal) => !granted.includes(ordinal)),
      };
    }),
    notePause: assign({ paused: true }),
    noteResume: assign({ paused: false }),
    noteOpened: assign({ failure: null }),
    clearFailure: assign({ failure: null }),
    recordHeads: assign((_, { digest }: ReviewOpening) => ({
      heads: digest,
      approved: null,
      failure: null,
    })),
    recordApproval: assign(({ context }, { lands }: { lands: string | null }) => ({
      approved: lands ?? context.heads,
    })),
    voidReview: assign({ heads: null, approved: null }),
    nextRound: assign(({ context }) => ({ round: context.round + 1, heads: null, approved: null })),
    recordMissing: assign((_, proof: Proof) => ({
      failure: failure(
        'not_proven',
        `not contained in the branch of the initiative: ${proof.missing.join(', ')}`,
      ),
    })),
    recordResult: assign((_, came: Delivery | Sync | RevertPlan | RevertPush) => ({
      failure: failure(came.result, came.message ?? came.result),
    })),
    recordError: assign((_, params: { error: unknown }) => ({ failure: failureOf(params.error) })),
    requestCancel: assign({ cancelRequested: true }),
    withdrawCancel: assign({ cancelRequested: false }),
    noteBrought: assign({ brought: true }),
    noteTakenBack: assign({ brought: false }),
    recordHeldCancel: assign({
      failure: failure(
        'partially_delivered',
        'canceled while remotes have a part of it: it is canceled once that is taken back',
      ),
    }),
  },
  guards: {
    startsAtOnce: ({ context }) => context.autostart,
    canGrant: ({ context }) => grantable(context).length > 0,
    areAllSettled: ({ context }) => context.settled >= childCount(context),
    isAnyStuck: ({ context }) => context.stuck > 0,
    isNoneStuck: ({ context }) => context.stuck === 0,
    isProven: (_, proof: Proof) => proof.proven,
    areHeadsServed: ({ context, event }) =>
      event.type === 'initiative.approve' && event.digest === context.heads,
    hasRoundsLeft: ({ context }) => context.round < context.maxRounds,
    isCancelRequested: ({ context }) => context.cancelRequested,
    isDelivered: (_, delivery: Delivery) => delivery.result === 'delivered',
    isPartial: (_, delivery: Delivery) => delivery.result === 'partially_delivered',
    isBrought: ({ context }) => context.brought,
    isCancelHeld: ({ context }) => context.brought && context.cancelRequested,
    isApproved: ({ context }) => context.approved !== null,
    staysPartial: ({ context }, delivery: Delivery) =>
      context.brought && (context.cancelRequested || !leadsBack(context, delivery)),
    endsCanceled: ({ context }, delivery: Delivery) => context.cancelRequested && delivery.unclear !== true,
    isPrepared: (_, came: RevertPlan) => came.result === 'prepared',
    isToRevertAgain: ({ context }, came: RevertPush) =>
      (came.result === 'remote_moved' || came.result === 'more_brought') && context.reverts < MAX_REVERTS,
    isReverted: (_, came: RevertPush) => came.result === 'reverted',
    isRevertedForCancel: ({ context }, came: RevertPush) =>
      came.result === 'reverted' && context.cancelRequested,
    hasNoMergePhase: ({ context }) => context.resolver === null,
    isPaused: ({ context }) => context.paused,
    isConflict: (_, came: Delivery | Sync) => came.result === 'conflict',
    isConflictToResolve: ({ context }, delivery: Delivery) => isToResolve(context, delivery),
    isSynced: (_, sync: Sync) => sync.result === 'landed',
    haveHeadsMoved: (_, delivery: Delivery) => delivery.result === 'heads_moved',
  },
});
