import {
  grantTells,
  initialInitiativeContext,
  tellPhases,
  type InitiativeContext,
} from './initiative-context.ts';
import type { InitiativeEvent } from './initiative-events.ts';
import { initiativeSetup } from './initiative-setup.ts';
import { URGENT } from './phase-context.ts';

type Args<T extends InitiativeEvent['type']> = {
  context: InitiativeContext;
  event: Extract<InitiativeEvent, { type: T }>;
};

const closeIntents = { type: 'intents.close', params: {} } as const;
const cancelable = { 'initiative.cancel': { target: '#initiative.canceling' } } as const;
const renamable = {
  'initiative.rename': {
    actions: {
      type: 'title.put',
      params: ({ event }: Args<'initiative.rename'>) => ({ title: event.title }),
    },
  },
} as const;

/** What a phase is created with, whoever asked for it. */
function newPhase(
  context: InitiativeContext,
  phase: { draft: boolean; dependsOn: readonly number[]; planned: number },
) {
  return {
    child: context.next,
    machine: 'phase' as const,
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
    },
  };
}

/** Creates the phase that the event describes; its tasks come to it as messages. */
const addPhase = [
  {
    type: 'create',
    params: ({ context, event }: Args<'initiative.addPhase'>) =>
      newPhase(context, { ...event, planned: event.tasks.length }),
  },
  {
    type: 'phase.insert',
    params: ({ context, event }: Args<'initiative.addPhase'>) => ({
      child: context.next,
      key: event.key,
      title: event.title,
      description: event.description,
      dependsOn: event.dependsOn,
    }),
  },
  {
    type: 'tell',
    params: ({ context, event }: Args<'initiative.addPhase'>) => ({
      many: event.tasks.map((task) => ({
        to: { child: context.next },
        event: { type: 'phase.planTask', ...task },
      })),
    }),
  },
  'countPhase',
] as const;

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
    'phase.settled': { actions: 'countSettled' },
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
        'initiative.addPhase': { actions: addPhase },
      },
    },
    in_progress: {
      description: 'Phases run, as many at once as the limit allows.',
      initial: 'opening',
      on: { ...cancelable, ...renamable },
      states: {
        opening: {
          description: 'The remotes are fetched and the branch of the initiative is made in each project.',
          tags: ['busy'],
          on: { 'initiative.addPhase': { actions: addPhase } },
          invoke: {
            id: 'open',
            src: 'initiative.open',
            input: {},
            onDone: { target: 'running', actions: 'noteOpened' },
            onError: {
              target: 'open_failed',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
        open_failed: {
          description: 'A remote could not be read or a branch not be made: retry or cancel.',
          tags: ['needs_you'],
          on: {
            'initiative.retry': { target: 'opening' },
            'initiative.addPhase': { actions: addPhase },
          },
        },
        running: {
          description: 'Slots are granted to phases that are ready.',
          tags: ['busy'],
          initial: 'steady',
          always: [
            { guard: 'areAllSettled', target: 'proving' },
            {
              guard: 'canGrant',
              actions: [{ type: 'tell', params: ({ context }) => grantTells(context) }, 'countGrants'],
            },
          ],
          on: {
            'initiative.pause': { target: 'paused' },
            'initiative.sync': { target: 'syncing' },
            'initiative.addPhase': { actions: addPhase },
          },
          states: {
            steady: {
              description: 'Nothing waits for a person.',
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
          entry: [
            'notePause',
            { type: 'pause.put', params: { paused: true } },
            { type: 'tell', params: ({ context }) => tellPhases(context, 'initiative.paused') },
          ],
          on: {
            // Not on exit: a cancel must not let the phases land first.
            'initiative.resume': {
              target: 'running',
              actions: [
                'noteResume',
                { type: 'pause.put', params: { paused: false } },
                {
                  type: 'tell',
                  params: ({ context }) => tellPhases(context, 'initiative.resumed'),
                },
              ],
            },
            'initiative.addPhase': { actions: addPhase },
          },
        },
        syncing: {
          description: 'The default branches are landed into the branch of the initiative.',
          tags: ['busy'],
          invoke: {
            id: 'sync',
            src: 'initiative.sync',
            input: {},
            onDone: { target: 'running' },
            onError: {
              target: 'running',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
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
              {
                guard: { type: 'isProven', params: ({ event }) => event.output },
                target: '#initiative.pending_review',
              },
              {
                target: 'unproven',
                actions: { type: 'recordMissing', params: ({ event }) => event.output },
              },
            ],
            onError: {
              target: 'unproven',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
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
      on: {
        ...cancelable,
        ...renamable,
        'initiative.addPhase': {
          target: 'in_progress.running',
          actions: [...addPhase, 'voidReview'],
        },
      },
      states: {
        opening: {
          description: 'The heads are being read and kept.',
          tags: ['busy'],
          invoke: {
            id: 'review',
            src: 'initiative.openReview',
            input: ({ context }) => ({ round: context.round }),
            onDone: {
              target: 'open',
              actions: {
                type: 'recordHeads',
                params: ({ event }) => ({ digest: event.output.digest }),
              },
            },
            onError: {
              target: 'unreadable',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
        open: {
          description: 'Waits for a reviewer: approve these heads for delivery, or request changes.',
          tags: ['needs_you'],
          on: {
            'initiative.approve': {
              guard: 'areHeadsServed',
              target: '#initiative.delivering',
              actions: [
                'recordApproval',
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
              actions: [
                {
                  type: 'create',
                  params: ({ context }) => newPhase(context, { draft: false, dependsOn: [], planned: 1 }),
                },
                {
                  type: 'phase.insert',
                  params: ({ context }) => ({
                    child: context.next,
                    key: `revision-${context.round}`,
                    title: 'Make the changes that the reviewer requested',
                    description: '',
                    dependsOn: [],
                  }),
                },
                {
                  type: 'comment.put',
                  params: ({ context, event }) => ({
                    many: event.comments.map((comment, index) => ({
                      round: context.round,
                      place: index + 1,
                      ...comment,
                    })),
                  }),
                },
                {
                  type: 'tell',
                  params: ({ context, event }) => ({
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
                      projects: null,
                    },
                  }),
                },
                'countPhase',
                'nextRound',
              ],
            },
            'initiative.recheck': { target: 'opening' },
          },
        },
        unreadable: {
          description: 'The heads could not be read: recheck or cancel.',
          tags: ['needs_you'],
          on: {
            'initiative.recheck': { target: 'opening' },
            'initiative.retry': { target: 'opening' },
          },
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
          {
            guard: { type: 'isDelivered', params: ({ event }) => event.output },
            target: 'completed',
            actions: closeIntents,
          },
          {
            guard: { type: 'isPartial', params: ({ event }) => event.output },
            target: 'partially_delivered',
            actions: [{ type: 'recordResult', params: ({ event }) => event.output }, closeIntents],
          },
          { guard: 'isCancelRequested', target: 'canceling', actions: closeIntents },
          {
            guard: { type: 'haveHeadsMoved', params: ({ event }) => event.output },
            target: 'pending_review',
            actions: ['voidReview', closeIntents],
          },
          {
            guard: { type: 'isConflict', params: ({ event }) => event.output },
            target: 'conflict_unresolved',
            actions: [{ type: 'recordResult', params: ({ event }) => event.output }, closeIntents],
          },
          {
            target: 'delivery_failed',
            actions: [{ type: 'recordResult', params: ({ event }) => event.output }, closeIntents],
          },
        ],
        onError: {
          target: 'delivery_failed',
          actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { ...renamable, 'initiative.cancel': { actions: 'requestCancel' } },
    },
    partially_delivered: {
      description: 'Some remotes have it and one refused for good: resume or revert.',
      tags: ['needs_you'],
      on: {
        ...renamable,
        'initiative.resumeDelivery': { target: 'delivering', actions: 'withdrawCancel' },
        'initiative.revertDelivery': { target: 'reverting' },
      },
    },
    reverting: {
      description: 'What was delivered to some of the projects is taken back.',
      tags: ['busy'],
      invoke: {
        id: 'revert',
        src: 'initiative.revert',
        input: {},
        onDone: [
          { guard: 'isCancelRequested', target: 'canceling' },
          { target: 'pending_review', actions: 'voidReview' },
        ],
        onError: {
          target: 'partially_delivered',
          actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    delivery_failed: {
      description: 'Nothing was delivered, or it is not known that it was: retry, recheck or cancel.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        ...renamable,
        'initiative.retry': { target: 'delivering', actions: 'withdrawCancel' },
        'initiative.recheck': {
          target: 'pending_review',
          actions: ['voidReview', 'withdrawCancel'],
        },
      },
    },
    conflict_unresolved: {
      description: 'The default branch of a project conflicts with the initiative: nothing was pushed.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        ...renamable,
        'initiative.retry': { target: 'delivering' },
        'initiative.recheck': { target: 'pending_review', actions: 'voidReview' },
        'initiative.addPhase': {
          target: 'in_progress.running',
          actions: [...addPhase, 'voidReview'],
        },
      },
    },
    canceling: {
      description: 'Phases end, leases are revoked, and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'draining',
      entry: { type: 'tell', params: ({ context }) => tellPhases(context, 'initiative.canceling') },
      states: {
        draining: {
          description: 'Waits until each phase is settled.',
          tags: ['waiting'],
          always: { guard: 'areAllSettled', target: 'retiring' },
        },
        retiring: {
          description: 'Backup refs are being written.',
          invoke: {
            id: 'retire',
            src: 'initiative.retire',
            input: {},
            onDone: { target: '#initiative.canceled' },
            onError: {
              target: 'stuck',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
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
