import { watchTells } from './dependencies.ts';
import {
  dropConflictTells,
  initialTaskContext,
  settledEvent,
  settledTells,
  type TaskContext,
} from './task-context.ts';
import { taskSetup } from './task-setup.ts';

const stuck = {
  type: 'tell',
  params: ({ context }: { context: { ordinal: number } }) => ({
    to: 'parent' as const,
    event: { type: 'task.stuck', ordinal: context.ordinal },
  }),
} as const;
const unstuck = {
  type: 'tell',
  params: ({ context }: { context: { ordinal: number } }) => ({
    to: 'parent' as const,
    event: { type: 'task.unstuck', ordinal: context.ordinal },
  }),
} as const;

const renamable = {
  'task.rename': {
    actions: {
      type: 'title.put',
      params: ({ event }: { event: { title: string } }) => ({ title: event.title }),
    },
  },
} as const;

/** A cancel of the task itself, or of everything around it. */
const cancelable = {
  'task.cancel': {
    guard: 'saysWhatDependentsDo',
    target: '#task.canceling',
    actions: 'recordCancel',
  },
  'phase.canceling': { target: '#task.canceling', actions: 'recordCancel' },
  'conflict.dropped': { target: '#task.canceling', actions: 'recordCancel' },
} as const;

/** Ends the merge task that nobody waits for any more; left alone, it would land what was canceled. */
const dropResolver = {
  type: 'tell',
  params: ({ context }: { context: TaskContext }) => dropConflictTells(context),
} as const;

/** The same while a merge task works on the conflict of this task. */
const cancelableInConflict = {
  'task.cancel': {
    guard: 'saysWhatDependentsDo',
    target: '#task.canceling',
    actions: ['recordCancel', dropResolver],
  },
  'phase.canceling': { target: '#task.canceling', actions: ['recordCancel', dropResolver] },
  'conflict.dropped': { target: '#task.canceling', actions: ['recordCancel', dropResolver] },
} as const;

/** A merge task that was made while this task was being canceled. */
const dropLateResolver = {
  'conflict.assigned': {
    actions: {
      type: 'tell',
      params: ({ event }: { event: { to: number } }) => ({
        to: { sibling: event.to },
        event: { type: 'conflict.dropped' },
      }),
    },
  },
} as const;

const answerWatcher = {
  'dependency.watch': {
    actions: {
      type: 'tell',
      params: ({ context, event }: { context: TaskContext; event: { by: number } }) => ({
        to: { sibling: event.by },
        event: settledEvent(context.ordinal, context.outcome, context.dependents),
      }),
    },
  },
} as const;

const waivable = { 'task.waive': { target: '#task.canceling', actions: 'recordWaive' } } as const;

/** A unit of agent work: claimed under a lease, submitted, landed on the branch of its phase. */
export const taskMachine = taskSetup.createMachine({
  id: 'task',
  description: 'A unit of agent work: claimed under a lease, submitted, landed on the branch of its phase.',
  context: ({ input }) => initialTaskContext(input),
  entry: { type: 'tell', params: ({ context }) => watchTells(context) },
  initial: 'blocked',
  on: {
    'phase.opened': { actions: 'openPhase' },
    'dependency.watch': { actions: 'watch' },
    'dependency.settled': { actions: 'noteDependency' },
    'conflict.assigned': { actions: 'recordResolver' },
  },
  states: {
    blocked: {
      description: 'Waits for the phase to open and for the tasks it depends on.',
      tags: ['waiting'],
      initial: 'waiting',
      always: { guard: 'isReady', target: 'queued' },
      on: {
        ...cancelable,
        'dependency.settled': [
          { guard: 'cancelsWithIt', target: 'canceling', actions: 'recordCancel' },
          { actions: 'noteDependency' },
        ],
        'task.relink': {
          guard: 'canRelink',
          actions: ['relink', { type: 'tell', params: ({ context }) => watchTells(context) }],
        },
        ...renamable,
        'task.reprioritize': { actions: 'reprioritize' },
        ...waivable,
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
      description: 'Ready to be claimed by an agent.',
      tags: ['waiting', 'claimable'],
      entry: {
        type: 'ready.put',
        params: ({ context }) => ({ priority: context.priority, attempt: context.attempt + 1 }),
      },
      exit: { type: 'ready.remove', params: {} },
      on: {
        ...cancelable,
        'task.claim': {
          guard: 'isNextAttempt',
          target: 'in_progress',
          actions: [
            'takeLease',
            {
              type: 'lease.put',
              params: ({ event }) => ({
                lease: event.lease,
                agent: event.agentId,
                attempt: event.attempt,
                seconds: event.leaseSeconds,
              }),
            },
          ],
        },
        'task.relink': {
          guard: 'canRelink',
          target: 'blocked',
          actions: ['relink', { type: 'tell', params: ({ context }) => watchTells(context) }],
        },
        ...renamable,
        'task.reprioritize': {
          actions: [
            'reprioritize',
            {
              type: 'ready.put',
              params: ({ context }) => ({ priority: context.priority, attempt: context.attempt + 1 }),
            },
          ],
        },
        ...waivable,
      },
    },
    in_progress: {
      description: 'An agent holds the lease; without a heartbeat the lease ends by itself.',
      tags: ['leased', 'busy'],
      initial: 'working',
      exit: [{ type: 'lease.remove', params: {} }, 'dropLease'],
      on: {
        ...cancelable,
        'task.submit': [
          { guard: 'holdsLeaseAndIsReviewed', target: 'pending_review', actions: 'recordSubmission' },
          { guard: 'holdsLease', target: 'merging', actions: 'recordSubmission' },
        ],
        'task.fail': [
          { guard: 'holdsLastLease', target: 'failed', actions: 'countFailure' },
          { guard: 'holdsLease', target: 'queued', actions: 'countFailure' },
        ],
        'task.stop': [
          { guard: 'isStoppedByUser', target: 'held' },
          { guard: 'holdsLastLease', target: 'failed', actions: 'countFailure' },
          { guard: 'holdsLease', target: 'queued', actions: 'countFailure' },
        ],
        'lease.expired': [
          { guard: 'holdsLastLease', target: 'failed', actions: 'countFailure' },
          { guard: 'holdsLease', target: 'queued', actions: 'countFailure' },
        ],
        ...renamable,
        'task.reprioritize': { actions: 'reprioritize' },
      },
      states: {
        working: {
          description: 'The agent works.',
          on: { 'task.ask': { guard: 'holdsLease', target: 'asking' } },
        },
        asking: {
          description: 'The agent waits for an answer of a person; its lease and work are kept.',
          tags: ['needs_you'],
          on: { 'task.answer': { target: 'working' } },
        },
      },
    },
    held: {
      description: 'A person stopped the agent: resume or cancel.',
      tags: ['needs_you'],
      entry: stuck,
      exit: unstuck,
      on: {
        ...cancelable,
        ...waivable,
        'task.resume': { target: 'queued' },
        ...renamable,
      },
    },
    pending_review: {
      description: 'The plan asks for a review of this task before it is landed.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        'task.approve': { guard: 'areHeadsServed', target: 'merging' },
        'task.requestChanges': { target: 'queued', actions: 'dropSubmission' },
        ...renamable,
      },
    },
    merging: {
      description: 'The submitted commits are being landed on the branch of the phase.',
      tags: ['busy'],
      invoke: {
        id: 'land',
        src: 'task.land',
        input: ({ context }) => ({ submission: context.submission, attempt: context.attempt }),
        onDone: [
          {
            guard: { type: 'hasLanded', params: ({ event }) => event.output },
            target: 'completed',
            actions: { type: 'intents.close', params: {} },
          },
          {
            guard: 'isCancelRequested',
            target: 'canceling',
            actions: ['recordLateCancel', { type: 'intents.close', params: {} }],
          },
          {
            guard: { type: 'isConflict', params: ({ event }) => event.output },
            target: 'conflicted',
            actions: ['countConflict', { type: 'intents.close', params: {} }],
          },
          {
            guard: { type: 'isRepeatedConflict', params: ({ event }) => event.output },
            target: 'conflict_unresolved',
            actions: { type: 'intents.close', params: {} },
          },
          {
            guard: { type: 'isOutrun', params: ({ event }) => event.output },
            target: 'queued',
            actions: ['countOutrun', 'dropSubmission', { type: 'intents.close', params: {} }],
          },
          {
            guard: { type: 'isIncomplete', params: ({ event }) => event.output },
            target: 'queued',
            actions: [
              'countFailure',
              'dropSubmission',
              { type: 'recordResult', params: ({ event }) => event.output },
              { type: 'intents.close', params: {} },
            ],
          },
          {
            target: 'failed',
            actions: [
              'dropSubmission',
              { type: 'recordResult', params: ({ event }) => event.output },
              { type: 'intents.close', params: {} },
            ],
          },
        ],
        onError: [
          { guard: 'isCancelRequested', target: 'canceling', actions: 'recordLateCancel' },
          {
            target: 'failed',
            actions: { type: 'recordError', params: ({ event }) => ({ error: event.error }) },
          },
        ],
      },
      on: {
        'task.cancel': { guard: 'saysWhatDependentsDo', actions: 'requestCancel' },
        'phase.canceling': { actions: 'requestCancel' },
        'conflict.dropped': { actions: 'requestCancel' },
        ...renamable,
      },
    },
    conflicted: {
      description: 'A merge task resolves the conflict; this one is proven again when that has landed.',
      tags: ['waiting'],
      entry: {
        type: 'tell',
        params: ({ context }) => ({
          to: 'parent',
          event: { type: 'task.conflicted', ordinal: context.ordinal, round: context.conflicts },
        }),
      },
      on: {
        ...cancelableInConflict,
        'conflict.resolved': {
          guard: 'isFromResolver',
          target: 'merging',
          actions: 'recordResolver',
        },
        'conflict.failed': {
          guard: 'isFromResolver',
          target: 'conflict_unresolved',
          actions: 'recordResolver',
        },
        ...renamable,
      },
    },
    conflict_unresolved: {
      description: 'Nobody resolved the conflict: retry, recheck, waive or cancel.',
      tags: ['needs_you'],
      entry: stuck,
      exit: unstuck,
      on: {
        ...cancelableInConflict,
        'task.waive': { target: 'canceling', actions: ['recordWaive', dropResolver] },
        'conflict.resolved': {
          guard: 'isFromResolver',
          target: 'merging',
          actions: 'recordResolver',
        },
        'task.retry': { target: 'merging', actions: ['startOver', dropResolver] },
        'task.recheck': { target: 'merging', actions: dropResolver },
        ...renamable,
      },
    },
    failed: {
      description: 'All attempts failed, or the landing did: retry, waive or cancel. The work is kept.',
      tags: ['needs_you'],
      entry: [
        stuck,
        {
          type: 'tell',
          params: ({ context }) =>
            context.resolves === null
              ? { many: [] }
              : {
                  to: { sibling: context.resolves },
                  event: { type: 'conflict.failed', by: context.ordinal },
                },
        },
      ],
      exit: unstuck,
      on: {
        ...cancelable,
        ...waivable,
        'task.retry': [
          { guard: 'hasSubmission', target: 'merging', actions: 'startOver' },
          { target: 'queued', actions: 'startOver' },
        ],
        ...renamable,
      },
    },
    canceling: {
      description: 'The lease is gone and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'retiring',
      on: dropLateResolver,
      states: {
        retiring: {
          description: 'Backup refs are being written.',
          invoke: {
            id: 'retire',
            src: 'task.retire',
            input: ({ context }) => ({ outcome: context.outcome }),
            onDone: { target: '#task.canceled', actions: { type: 'intents.close', params: {} } },
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
          on: { 'task.retry': { target: 'retiring' } },
        },
      },
    },
    completed: {
      description: 'Everything submitted is contained in the branch of the phase.',
      tags: ['settled'],
      entry: { type: 'tell', params: ({ context }) => settledTells(context) },
      on: answerWatcher,
    },
    canceled: {
      description: 'Not wanted any more (or waived); its commits are kept under backup refs.',
      tags: ['settled'],
      entry: { type: 'tell', params: ({ context }) => settledTells(context) },
      on: { ...answerWatcher, ...dropLateResolver },
    },
  },
});
