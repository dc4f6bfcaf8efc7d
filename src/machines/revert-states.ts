import { answer, closeIntents, keepError, keepResult } from './effect-answers.ts';
import type { InitiativeContext } from './initiative-context.ts';
import { putTitle } from './renaming.ts';

/** What was delivered to some of the projects is taken back: planned for all of them, then pushed to one remote after another. */
export const reverting = {
  description: 'What was delivered to some of the projects is taken back.',
  initial: 'preparing',
  // What is being taken back is brought to its end first.
  on: { 'initiative.cancel': { actions: 'requestCancel' }, 'initiative.rename': putTitle },
  states: {
    preparing: {
      description: 'Every remote is asked whether it would take it; nothing is pushed.',
      tags: ['busy'],
      invoke: {
        id: 'revert',
        src: 'initiative.revert',
        input: {},
        onDone: [
          { guard: answer('isPrepared'), target: 'pushing', actions: [answer('recordRevert'), closeIntents] },
          { target: '#initiative.partially_delivered', actions: [keepResult, closeIntents] },
        ],
        onError: { target: '#initiative.partially_delivered', actions: keepError },
      },
    },
    pushing: {
      description: 'The remotes get it, one after another.',
      tags: ['busy'],
      invoke: {
        id: 'push',
        src: 'initiative.pushRevert',
        input: ({ context }: { context: InitiativeContext }) => ({ plan: context.revert }),
        onDone: [
          { guard: answer('isToRevertAgain'), target: 'preparing' },
          { guard: answer('isRevertedForCancel'), target: '#initiative.canceling' },
          {
            guard: answer('isReverted'),
            target: '#initiative.pending_review',
            actions: ['voidReview', 'clearFailure', 'noteTakenBack'],
          },
          { target: '#initiative.partially_delivered', actions: keepResult },
        ],
        onError: { target: '#initiative.partially_delivered', actions: keepError },
      },
    },
  },
} as const;
