import { retiring } from './canceling.ts';
import { tellChildren } from './children.ts';
import { answer, closeIntents, keepError, keepResult } from './effect-answers.ts';
import { grantTells, initialInitiativeContext } from './initiative-context.ts';
import { addMergePhase, addPhase, addRevisionPhase } from './initiative-phases.ts';
import { initiativeSetup } from './initiative-setup.ts';
import { tell } from './outbox.ts';
import { putTitle } from './renaming.ts';
import { keepApproval, openingReview } from './review-states.ts';
import { reverting } from './revert-states.ts';

const cancelable = { 'initiative.cancel': { target: '#initiative.canceling' } } as const;
/** What remotes have of it is taken back first, by whoever decides that. */
const cancelableUnlessBrought = {
  'initiative.cancel': [
    {
      guard: 'isBrought',
      target: '#initiative.partially_delivered',
      actions: ['requestCancel', 'recordHeldCancel'],
    },
    { target: '#initiative.canceling' },
  ],
} as const;
const renamable = { 'initiative.rename': putTitle } as const;
const extendable = { 'initiative.addPhase': { actions: addPhase } } as const;
const orderable = { 'initiative.reorder': { actions: 'reorder' } } as const;

/** Nothing is claimed, granted or landed from this turn on. */
const pausing = [
  'notePause',
  { type: 'pause.put', params: { paused: true } },
  tellChildren('initiative.paused'),
] as const;

/** The default branches may have what is missing; what is done here is proven and reviewed again afterwards. */
const syncable = {
  // Whoever goes on has withdrawn a cancel that was asked for while it was delivered.
  'initiative.sync': {
    target: '#initiative.in_progress.syncing',
    actions: ['voidReview', 'withdrawCancel'],
  },
} as const;

/** One more phase while it is looked at: the review is void, and the work goes on. */
const reopenable = {
  'initiative.addPhase': { target: 'in_progress.running', actions: [...addPhase, 'voidReview'] },
} as const;

/** One goal over one or more projects; grants slots to its phases and delivers what they made. */
export const initiativeMachine = initiativeSetup.createMachine({
  id: 'initiative',
  description:
    'One goal over one or more projects: it grants slots to its phases and delivers what they made.',
  context: ({ input }) => initialInitiativeContext(input),
  initial: 'queued',
  on: {
    'slot.request': { actions: 'noteRequest' },
    'slot.withdrawn': { actions: 'noteWithdrawn' },
    'slot.taken': { actions: 'countTaken' },
    'slot.returned': { actions: 'countReturned' },
    'phase.settled': { actions: ['countSettled', 'dropPlace', 'noteResolved'] },
    'phase.stuck': { actions: 'countStuck' },
    'phase.unstuck': { actions: 'countUnstuck' },
  },
  states: {
    queued: {
      description: 'The plan is stored; nothing runs before it is started.',
      tags: ['waiting', 'needs_you'],
      always: { guard: 'startsAtOnce', target: 'in_progress' },
      on: {
        ...cancelable,
        ...renamable,
        'initiative.start': { target: 'in_progress' },
        ...extendable,
        ...orderable,
      },
    },
    in_progress: {
      description: 'Phases run, as many at once as the limit allows.',
      initial: 'opening',
      on: { ...cancelableUnlessBrought, ...renamable, ...orderable },
      states: {
        opening: {
          description: 'The remotes are fetched and the branch of the initiative is made in each project.',
          tags: ['busy'],
          on: extendable,
          invoke: {
            id: 'open',
            src: 'initiative.open',
            input: {},
            onDone: { target: 'running', actions: 'noteOpened' },
            onError: { target: 'open_failed', actions: keepError },
          },
        },
        open_failed: {
          description: 'A remote could not be read or a branch not be made: retry or cancel.',
          tags: ['needs_you'],
          on: { 'initiative.retry': { target: 'opening' }, ...extendable },
        },
        running: {
          description: 'Slots are granted to phases that are ready.',
          tags: ['busy'],
          initial: 'steady',
          always: [
            { guard: 'areAllSettled', target: 'proving' },
            { guard: 'canGrant', actions: [tell(grantTells), 'countGrants'] },
          ],
          on: {
            'initiative.pause': { target: 'paused' },
            'initiative.sync': { guard: 'hasNoMergePhase', target: 'syncing' },
            ...extendable,
          },
          states: {
            steady: {
              description:
                'No phase is stuck; a draft, a review or a question of an agent may wait for a person.',
              always: { guard: 'isAnyStuck', target: 'attention' },
            },
            attention: {
              description: 'At least one phase waits for a person; the others go on.',
              tags: ['needs_you'],
              always: { guard: 'isNoneStuck', target: 'steady' },
            },
          },
        },
        paused: {
          description: 'No grants, claims or landings of phases until it is resumed.',
          tags: ['waiting', 'needs_you'],
          entry: pausing,
          on: {
            // Not on exit: a cancel must not let the phases land first.
            'initiative.resume': {
              target: 'running',
              actions: [
                'noteResume',
                { type: 'pause.put', params: { paused: false } },
                tellChildren('initiative.resumed'),
              ],
            },
            ...extendable,
          },
        },
        syncing: {
          description: 'The default branches are landed on the branch of the initiative.',
          tags: ['busy'],
          invoke: {
            id: 'sync',
            src: 'initiative.sync',
            input: {},
            onDone: [
              {
                guard: 'isCancelHeld',
                target: '#initiative.partially_delivered',
                actions: ['recordHeldCancel', closeIntents],
              },
              { guard: 'isCancelRequested', target: '#initiative.canceling', actions: closeIntents },
              {
                guard: answer('isConflict'),
                target: 'synced',
                actions: [keepResult, closeIntents, ...addMergePhase],
              },
              { guard: answer('isSynced'), target: 'synced', actions: ['clearFailure', closeIntents] },
              { target: 'synced', actions: [keepResult, closeIntents] },
            ],
            onError: [
              {
                guard: 'isCancelHeld',
                target: '#initiative.partially_delivered',
                actions: 'recordHeldCancel',
              },
              { guard: 'isCancelRequested', target: '#initiative.canceling' },
              { target: 'synced', actions: keepError },
            ],
          },
          // A landing is not stopped halfway: both are recorded, and followed when it has ended.
          on: {
            'initiative.cancel': { actions: 'requestCancel' },
            'initiative.pause': { actions: pausing },
            ...extendable,
          },
        },
        synced: {
          description: 'Goes on where it was.',
          tags: ['busy'],
          always: [{ guard: 'isPaused', target: 'paused' }, { target: 'running' }],
        },
        proving: {
          description: 'Git is asked whether every phase is on the branch of the initiative.',
          tags: ['busy'],
          on: { 'initiative.addPhase': { target: 'running', actions: addPhase } },
          invoke: {
            id: 'prove',
            src: 'initiative.prove',
            input: {},
            onDone: [
              { guard: answer('isProven'), target: '#initiative.pending_review', actions: 'clearFailure' },
              { target: 'unproven', actions: answer('recordMissing') },
            ],
            onError: { target: 'unproven', actions: keepError },
          },
        },
        unproven: {
          description: 'Something completed is not on the branch: recheck, add a phase, or cancel.',
          tags: ['needs_you'],
          on: {
            'initiative.recheck': { target: 'proving' },
            'initiative.retry': { target: 'proving' },
            'initiative.addPhase': { target: 'running', actions: addPhase },
          },
        },
      },
    },
    pending_review: {
      description: 'A reviewer looks at exactly the heads that were read when the review opened.',
      initial: 'opening',
      on: { ...cancelableUnlessBrought, ...renamable, ...reopenable },
      states: {
        opening: openingReview('initiative.openReview', {
          target: '#initiative.in_progress.unproven',
          actions: ['voidReview', answer('recordMissing')],
        }),
        open: {
          description: 'Waits for a reviewer: approve these heads for delivery, or request changes.',
          tags: ['needs_you'],
          on: {
            'initiative.approve': {
              guard: 'areHeadsServed',
              target: '#initiative.delivering',
              actions: [
                keepApproval,
                {
                  type: 'strategy.put',
                  params: ({ event }) => ({
                    many: Object.entries(event.strategies).map(([project, strategy]) => ({
                      project,
                      strategy,
                    })),
                  }),
                },
              ],
            },
            'initiative.requestChanges': {
              guard: 'hasRoundsLeft',
              target: '#initiative.in_progress.running',
              actions: [...addRevisionPhase, 'nextRound'],
            },
            'initiative.recheck': { target: 'opening' },
            ...syncable,
          },
        },
        unreadable: {
          description: 'The heads could not be read: recheck or cancel.',
          tags: ['needs_you'],
          on: { 'initiative.recheck': { target: 'opening' }, 'initiative.retry': { target: 'opening' } },
        },
      },
    },
    delivering: {
      description: 'The approved heads are delivered to the remote of each project.',
      tags: ['busy'],
      invoke: {
        id: 'deliver',
        src: 'initiative.deliver',
        input: ({ context }) => ({ approved: context.approved }),
        onDone: [
          { guard: answer('isDelivered'), target: 'completed', actions: closeIntents },
          {
            guard: answer('isPartial'),
            target: 'partially_delivered',
            actions: [keepResult, closeIntents, 'noteBrought'],
          },
          {
            guard: answer('staysPartial'),
            target: 'partially_delivered',
            actions: [keepResult, closeIntents],
          },
          { guard: answer('endsCanceled'), target: 'canceling', actions: closeIntents },
          {
            guard: answer('haveHeadsMoved'),
            target: 'pending_review',
            actions: ['voidReview', closeIntents],
          },
          {
            guard: answer('isConflictToResolve'),
            target: 'in_progress.running',
            actions: [keepResult, closeIntents, 'voidReview', 'countConflict', ...addMergePhase],
          },
          { guard: answer('isConflict'), target: 'conflict_unresolved', actions: [keepResult, closeIntents] },
          { target: 'delivery_failed', actions: [keepResult, closeIntents] },
        ],
        onError: [
          { guard: 'isBrought', target: 'partially_delivered', actions: keepError },
          { guard: 'isCancelRequested', target: 'canceling' },
          { target: 'delivery_failed', actions: keepError },
        ],
      },
      on: { ...renamable, 'initiative.cancel': { actions: 'requestCancel' } },
    },
    partially_delivered: {
      description: 'Some remotes have it, and others do not: resume, revert or sync.',
      tags: ['needs_you'],
      on: {
        ...renamable,
        // After a sync, only what is approved anew can be delivered.
        'initiative.resumeDelivery': {
          guard: 'isApproved',
          target: 'delivering',
          actions: 'withdrawCancel',
        },
        'initiative.revertDelivery': { target: 'reverting', actions: 'startRevert' },
        ...syncable,
      },
    },
    reverting,
    delivery_failed: {
      description: 'Nothing was delivered, or it is not known that it was: retry, recheck or cancel.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        ...renamable,
        'initiative.retry': { target: 'delivering', actions: 'withdrawCancel' },
        'initiative.recheck': { target: 'pending_review', actions: ['voidReview', 'withdrawCancel'] },
      },
    },
    conflict_unresolved: {
      description:
        'Nobody resolved the conflict with a default branch: retry, sync, add a phase or cancel. Nothing was pushed.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        ...renamable,
        'initiative.retry': { target: 'delivering', actions: 'startOver' },
        'initiative.recheck': { target: 'pending_review', actions: 'voidReview' },
        ...reopenable,
        ...syncable,
      },
    },
    canceling: {
      description: 'Phases end, leases are revoked, and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'draining',
      entry: tellChildren('initiative.canceling'),
      states: {
        draining: {
          description: 'Waits until each phase is settled.',
          tags: ['waiting'],
          always: { guard: 'areAllSettled', target: 'retiring' },
        },
        retiring: retiring({
          src: 'initiative.retire',
          input: {},
          onDone: { target: '#initiative.canceled' },
        }),
        stuck: {
          description: 'The backup refs could not be written: retry.',
          tags: ['needs_you'],
          on: { 'initiative.retry': { target: 'retiring' } },
        },
      },
    },
    completed: {
      description: 'Delivered to every project, and read back.',
      tags: ['settled'],
    },
    canceled: {
      description: 'Not wanted any more; its commits are kept under backup refs.',
      tags: ['settled'],
    },
  },
});
