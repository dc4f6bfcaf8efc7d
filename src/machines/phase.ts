import { watchTells } from './dependencies.ts';
import {
  initialPhaseContext,
  newTask,
  phaseSettledTells,
  tellTasks,
  URGENT,
  type PhaseContext,
} from './phase-context.ts';
import type { PhaseEvent } from './phase-events.ts';
import { phaseSetup } from './phase-setup.ts';
import { settledEvent } from './task-context.ts';

type Args<T extends PhaseEvent['type']> = {
  context: PhaseContext;
  event: Extract<PhaseEvent, { type: T }>;
};

/** Tells the initiative something about this phase. */
function toParent<T extends string>(type: T) {
  return {
    type: 'tell',
    params: ({ context }: { context: PhaseContext }) => ({
      to: 'parent' as const,
      event: { type, ordinal: context.ordinal },
    }),
  } as const;
}
const stuck = toParent('phase.stuck');
const unstuck = toParent('phase.unstuck');
const takeSlot = toParent('slot.taken');
const closeIntents = { type: 'intents.close', params: {} } as const;

const renamable = {
  'phase.rename': {
    actions: {
      type: 'title.put',
      params: ({ event }: Args<'phase.rename'>) => ({ title: event.title }),
    },
  },
} as const;

/** Creates the task that the event describes. */
const addTask = [
  {
    type: 'create',
    params: ({ context, event }: Args<'phase.addTask' | 'phase.planTask'>) =>
      newTask(context, {
        category: 'execute',
        needsReview: event.needsReview,
        priority: event.priority,
        dependsOn: event.dependsOn,
      }),
  },
  {
    type: 'task.insert',
    params: ({ context, event }: Args<'phase.addTask' | 'phase.planTask'>) => ({
      child: context.next,
      key: event.key,
      title: event.title,
      description: event.description,
      category: 'execute' as const,
      priority: event.priority,
      needsReview: event.needsReview,
      capabilities: event.capabilities,
      projects: event.projects,
      dependsOn: event.dependsOn,
      resolves: null,
      round: null,
    }),
  },
  'countTask',
] as const;

/** Before the phase runs: nobody may come between the tasks of its plan, which name each other by ordinal. */
const plannable = {
  'phase.planTask': { actions: addTask },
  'phase.addTask': { guard: 'hasItsPlan', actions: addTask },
} as const;

const cancelable = {
  'phase.cancel': {
    guard: 'saysWhatDependentsDo',
    target: '#phase.canceling',
    actions: 'recordCancel',
  },
  'initiative.canceling': { target: '#phase.canceling', actions: 'recordCancel' },
} as const;

const waivable = { 'phase.waive': { target: '#phase.canceling', actions: 'recordWaive' } } as const;

const answerWatcher = {
  'dependency.watch': {
    actions: {
      type: 'tell',
      params: ({ context, event }: Args<'dependency.watch'>) => ({
        to: { sibling: event.by },
        event: settledEvent(context.ordinal, context.outcome, context.dependents),
      }),
    },
  },
} as const;

/** Creates the merge task for a task that does not merge cleanly, and tells that task of it. */
const makesMergeTask = {
  'task.conflicted': {
    actions: [
      {
        type: 'create',
        params: ({ context, event }: Args<'task.conflicted'>) =>
          newTask(context, { category: 'merge', priority: URGENT, resolves: event.ordinal }),
      },
      {
        type: 'task.insert',
        params: ({ context, event }: Args<'task.conflicted'>) => ({
          child: context.next,
          key: `merge-${event.ordinal}-${context.next}`,
          title: 'Resolve a merge conflict',
          description: '',
          category: 'merge' as const,
          priority: URGENT,
          needsReview: false,
          capabilities: [],
          projects: null,
          dependsOn: [],
          resolves: event.ordinal,
          round: null,
        }),
      },
      {
        type: 'tell',
        params: ({ context, event }: Args<'task.conflicted'>) => ({
          to: { child: event.ordinal },
          event: { type: 'conflict.assigned', to: context.next },
        }),
      },
      'countTask',
    ],
  },
} as const;

/** A slice of an initiative with a branch of its own, on which its tasks land. */
export const phaseMachine = phaseSetup.createMachine({
  id: 'phase',
  description: 'A slice of an initiative with a branch of its own, on which its tasks land.',
  context: ({ input }) => initialPhaseContext(input),
  entry: { type: 'tell', params: ({ context }) => watchTells(context) },
  initial: 'draft',
  on: {
    'dependency.watch': { actions: 'watch' },
    'dependency.settled': { actions: 'noteDependency' },
    'slot.granted': { actions: toParent('slot.returned') },
    'initiative.paused': { actions: 'notePause' },
    'initiative.resumed': { actions: 'noteResume' },
    'task.settled': { actions: 'countSettled' },
    'task.stuck': { actions: 'countStuck' },
    'task.unstuck': { actions: 'countUnstuck' },
  },
  states: {
    draft: {
      description: 'The plan of this phase has to be agreed to first.',
      tags: ['waiting', 'needs_you'],
      always: { guard: 'isNotDraft', target: 'blocked' },
      on: {
        ...cancelable,
        ...waivable,
        ...renamable,
        'phase.approvePlan': { target: 'blocked' },
        ...plannable,
      },
    },
    blocked: {
      description: 'Waits for the phases it depends on.',
      tags: ['waiting'],
      initial: 'waiting',
      always: { guard: 'isFree', target: 'queued' },
      on: {
        ...cancelable,
        ...waivable,
        ...renamable,
        'dependency.settled': [
          { guard: 'cancelsWithIt', target: 'canceling', actions: 'recordCancel' },
          { actions: 'noteDependency' },
        ],
        'phase.relink': {
          guard: 'canRelink',
          actions: ['relink', { type: 'tell', params: ({ context }) => watchTells(context) }],
        },
        ...plannable,
      },
      states: {
        waiting: {
          description: 'What it waits for is under way.',
          always: { guard: 'isStranded', target: 'stranded' },
        },
        stranded: {
          description: 'Something it depends on was canceled: waive it, or link it to something else.',
          tags: ['needs_you'],
          entry: stuck,
          exit: unstuck,
          always: { guard: 'isNotStranded', target: 'waiting' },
        },
      },
    },
    queued: {
      description: 'Waits for a slot of the initiative.',
      tags: ['waiting'],
      entry: toParent('slot.request'),
      on: {
        'slot.granted': { target: 'in_progress' },
        'phase.cancel': {
          guard: 'saysWhatDependentsDo',
          target: 'canceling',
          actions: ['recordCancel', toParent('slot.withdrawn')],
        },
        'initiative.canceling': {
          target: 'canceling',
          actions: ['recordCancel', toParent('slot.withdrawn')],
        },
        'phase.waive': {
          target: 'canceling',
          actions: ['recordWaive', toParent('slot.withdrawn')],
        },
        ...renamable,
        ...plannable,
      },
    },
    in_progress: {
      description: 'Holds a slot; the tasks are worked on and landed on the branch of the phase.',
      initial: 'opening',
      exit: toParent('slot.returned'),
      on: { ...cancelable, ...renamable, 'phase.addTask': { target: '.deciding', actions: addTask } },
      states: {
        opening: {
          description: 'The branch of the phase is being made from the tip of the initiative.',
          tags: ['busy'],
          on: { 'phase.addTask': { actions: addTask } },
          invoke: {
            id: 'open',
            src: 'phase.open',
            input: {},
            onDone: {
              target: 'deciding',
              actions: [
                'noteOpened',
                { type: 'tell', params: ({ context }) => tellTasks(context, 'phase.opened') },
              ],
            },
            onError: {
              target: 'open_failed',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
        open_failed: {
          description: 'The branch could not be made: retry or cancel.',
          tags: ['needs_you'],
          entry: stuck,
          exit: unstuck,
          on: {
            'phase.retry': { target: 'opening' },
            'phase.waive': { target: '#phase.canceling', actions: 'recordWaive' },
            'phase.addTask': { actions: addTask },
          },
        },
        deciding: {
          description: 'Looks at its tasks: go on, ask a person, or prove that all is there.',
          tags: ['busy'],
          always: [
            { guard: 'areAllSettled', target: 'proving' },
            { guard: 'isAnyStuck', target: 'attention' },
            { target: 'working' },
          ],
        },
        working: {
          description: 'Tasks are under way.',
          tags: ['busy'],
          always: [
            { guard: 'areAllSettled', target: 'proving' },
            { guard: 'isAnyStuck', target: 'attention' },
          ],
          on: makesMergeTask,
        },
        attention: {
          description: 'At least one task waits for a person; the others go on.',
          tags: ['busy', 'needs_you'],
          entry: stuck,
          exit: unstuck,
          always: [
            { guard: 'areAllSettled', target: 'proving' },
            { guard: 'isNoneStuck', target: 'working' },
          ],
          on: makesMergeTask,
        },
        proving: {
          description: 'Git is asked whether everything that the tasks submitted is on the branch.',
          tags: ['busy'],
          invoke: {
            id: 'prove',
            src: 'phase.prove',
            input: {},
            onDone: [
              {
                guard: { type: 'isProvenAndYolo', params: ({ event }) => event.output },
                target: '#phase.merging',
              },
              {
                guard: { type: 'isProven', params: ({ event }) => event.output },
                target: '#phase.pending_review',
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
          description: 'Something submitted is not on the branch: recheck, add a task, or cancel.',
          tags: ['needs_you'],
          entry: stuck,
          exit: unstuck,
          on: { 'phase.recheck': { target: 'proving' }, 'phase.retry': { target: 'proving' } },
        },
      },
    },
    pending_review: {
      description: 'A reviewer looks at exactly the heads that were read when the review opened.',
      initial: 'opening',
      on: {
        ...cancelable,
        ...renamable,
        'phase.addTask': {
          target: 'in_progress.deciding',
          actions: [...addTask, 'voidReview', takeSlot],
        },
      },
      states: {
        opening: {
          description: 'The heads are being read and kept.',
          tags: ['busy'],
          invoke: {
            id: 'review',
            src: 'phase.openReview',
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
          description: 'Waits for a reviewer: approve these heads, or request changes.',
          tags: ['needs_you'],
          on: {
            'phase.approve': {
              guard: 'areHeadsServed',
              target: '#phase.merging',
              actions: 'recordApproval',
            },
            'phase.requestChanges': {
              guard: 'hasRoundsLeft',
              target: '#phase.in_progress.deciding',
              actions: [
                {
                  type: 'create',
                  params: ({ context }) => newTask(context, { category: 'review', priority: URGENT }),
                },
                {
                  type: 'task.insert',
                  params: ({ context, event }) => ({
                    child: context.next,
                    key: `revision-${context.round}`,
                    title: 'Make the changes that the reviewer requested',
                    description: event.summary,
                    category: 'review',
                    priority: URGENT,
                    needsReview: false,
                    capabilities: [],
                    projects: null,
                    dependsOn: [],
                    resolves: null,
                    round: context.round,
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
                'countTask',
                'nextRound',
                takeSlot,
              ],
            },
            'phase.recheck': { target: 'opening' },
          },
        },
        unreadable: {
          description: 'The heads could not be read: recheck or cancel.',
          tags: ['needs_you'],
          entry: stuck,
          exit: unstuck,
          on: { 'phase.recheck': { target: 'opening' }, 'phase.retry': { target: 'opening' } },
        },
      },
    },
    merging: {
      description: 'The branch of the phase is landed on the branch of the initiative.',
      initial: 'gate',
      on: renamable,
      states: {
        gate: {
          description: 'A paused initiative lands no phases.',
          tags: ['waiting'],
          always: { guard: 'isNotPaused', target: 'landing' },
          on: cancelable,
        },
        landing: {
          description: 'All projects land together, or none does.',
          tags: ['busy'],
          invoke: {
            id: 'land',
            src: 'phase.land',
            input: ({ context }) => ({ approved: context.approved }),
            onDone: [
              {
                guard: { type: 'hasLanded', params: ({ event }) => event.output },
                target: '#phase.completed',
                actions: closeIntents,
              },
              {
                guard: 'isCancelRequested',
                target: '#phase.canceling',
                actions: ['recordLateCancel', closeIntents],
              },
              {
                guard: { type: 'haveHeadsMoved', params: ({ event }) => event.output },
                target: '#phase.pending_review',
                actions: ['voidReview', closeIntents],
              },
              {
                guard: { type: 'isConflict', params: ({ event }) => event.output },
                target: '#phase.conflict_unresolved',
                actions: [{ type: 'recordResult', params: ({ event }) => event.output }, closeIntents],
              },
              {
                target: '#phase.merge_failed',
                actions: [{ type: 'recordResult', params: ({ event }) => event.output }, closeIntents],
              },
            ],
            onError: [
              {
                guard: 'isCancelRequested',
                target: '#phase.canceling',
                actions: 'recordLateCancel',
              },
              {
                target: '#phase.merge_failed',
                actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
              },
            ],
          },
          on: {
            'phase.cancel': { guard: 'saysWhatDependentsDo', actions: 'requestCancel' },
            'initiative.canceling': { actions: 'requestCancel' },
          },
        },
      },
    },
    conflict_unresolved: {
      description: 'The phase does not merge cleanly into the initiative: nothing has moved.',
      tags: ['needs_you'],
      entry: stuck,
      exit: unstuck,
      on: {
        ...cancelable,
        ...waivable,
        ...renamable,
        'phase.retry': { target: 'merging' },
        'phase.recheck': { target: 'merging' },
        'phase.addTask': {
          target: 'in_progress.deciding',
          actions: [...addTask, 'voidReview', takeSlot],
        },
      },
    },
    merge_failed: {
      description: 'The landing failed for another reason than a conflict: nothing has moved.',
      tags: ['needs_you'],
      entry: stuck,
      exit: unstuck,
      on: {
        ...cancelable,
        ...waivable,
        ...renamable,
        'phase.retry': { target: 'merging' },
        'phase.recheck': { target: 'merging' },
      },
    },
    canceling: {
      description: 'Tasks end, leases are revoked, and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'draining',
      entry: { type: 'tell', params: ({ context }) => tellTasks(context, 'phase.canceling') },
      states: {
        draining: {
          description: 'Waits until each task is settled.',
          tags: ['waiting'],
          always: { guard: 'areAllSettled', target: 'retiring' },
        },
        retiring: {
          description: 'Backup refs are being written.',
          invoke: {
            id: 'retire',
            src: 'phase.retire',
            input: ({ context }) => ({ outcome: context.outcome }),
            onDone: { target: '#phase.canceled' },
            onError: {
              target: 'stuck',
              actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
            },
          },
        },
        stuck: {
          description: 'The backup refs could not be written: retry.',
          tags: ['needs_you'],
          entry: stuck,
          exit: unstuck,
          on: { 'phase.retry': { target: 'retiring' } },
        },
      },
    },
    completed: {
      description: 'Everything on the branch of the phase is contained in the branch of the initiative.',
      tags: ['settled'],
      entry: { type: 'tell', params: ({ context }) => phaseSettledTells(context) },
      on: answerWatcher,
    },
    canceled: {
      description: 'Not wanted any more (or waived); its commits are kept under backup refs.',
      tags: ['settled'],
      entry: { type: 'tell', params: ({ context }) => phaseSettledTells(context) },
      on: answerWatcher,
    },
  },
});
