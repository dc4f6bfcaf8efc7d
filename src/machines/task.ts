import { blockedStates, dependencyNews, dependencyReplaced, relinked, watchDependencies } from './blocked.ts';
import { outcomeInput, retiring, waysToCancel } from './canceling.ts';
import { answer, closeIntents, keepError, keepResult } from './effect-answers.ts';
import { tell } from './outbox.ts';
import { putTitle } from './renaming.ts';
import { dropLateResolver, dropResolver, tellConflict, tellUnresolved } from './task-conflict.ts';
import { initialTaskContext, settledTells, type TaskContext } from './task-context.ts';
import { putComments } from './review-states.ts';
import { countAnswers, countLanded, putAnswers } from './task-answers.ts';
import type { TaskEvent } from './task-events.ts';
import { taskSetup } from './task-setup.ts';
import { stuckAs } from './tell-parent.ts';
import { answerWatcher } from './watchers.ts';

const stuck = stuckAs('task');
const renamable = { 'task.rename': putTitle } as const;
/** What may be changed about it as long as it is not ended. */
const adjustable = { ...renamable, 'task.reprioritize': { actions: 'reprioritize' } } as const;
/** While it is put aside: what it is linked to counts when it goes on. */
const relinkable = { ...dependencyNews, 'task.relink': relinked } as const;

/** A cancel of the task itself, or of everything around it. */
const cancels = waysToCancel('#task.canceling');
const cancelable = {
  'task.cancel': cancels.byPerson,
  'phase.canceling': cancels.along,
  'conflict.dropped': cancels.along,
} as const;
const waivable = { 'task.waive': cancels.waived } as const;

/** The same while a merge task works on the conflict of this task. */
const cancelsInConflict = waysToCancel('#task.canceling', dropResolver);
const cancelableInConflict = {
  'task.cancel': cancelsInConflict.byPerson,
  'phase.canceling': cancelsInConflict.along,
  'conflict.dropped': cancelsInConflict.along,
} as const;

/** The task itself decides, in one turn with its claim: either it is split, or somebody works on it. */
const splittable = {
  'task.split': {
    guard: 'canSplit',
    target: 'splitting',
    actions: {
      type: 'tell',
      params: ({
        context,
        event,
      }: {
        context: TaskContext;
        event: Extract<TaskEvent, { type: 'task.split' }>;
      }) => ({
        to: 'parent' as const,
        event: { type: 'task.splitting', ordinal: context.ordinal, into: event.into },
      }),
    },
  },
} as const;

/** The place of the task among those that can be claimed. */
const putReady = {
  type: 'ready.put',
  params: ({ context }: { context: TaskContext }) => ({
    priority: context.priority,
    attempt: context.attempt + 1,
  }),
} as const;

/** The lease of the agent that works on it. */
const putLease = {
  type: 'lease.put',
  params: ({ event }: { event: Extract<TaskEvent, { leaseSeconds: number }> }) => ({
    lease: event.lease,
    agent: event.agentId,
    attempt: event.attempt,
    seconds: event.leaseSeconds,
  }),
} as const;

/** The lease ran out; the agent may be back before anybody else takes the task, also after a retry of the last attempt. */
const lapse = [
  'countFailure',
  {
    type: 'noteLapse',
    params: ({ event }: { event: Extract<TaskEvent, { type: 'lease.expired' }> }) => ({ lease: event.lease }),
  },
] as const;

/** An agent that is back goes on where it was. */
const regain = [
  {
    type: 'regainLease',
    params: ({ event }: { event: Extract<TaskEvent, { type: 'task.regain' }> }) => ({
      id: event.lease,
      agentId: event.agentId,
    }),
  },
  putLease,
] as const;
const regainable = {
  'task.regain': [
    { guard: 'isLapsedAsking', target: 'in_progress.asking', actions: regain },
    { guard: 'isLapsed', target: 'in_progress', actions: regain },
  ],
} as const;

/** Until the time that the agent gave. */
const putOff = {
  type: 'defer',
  params: ({ event }: { event: Extract<TaskEvent, { type: 'task.fail' }> }) => ({
    seconds: Number(event.retryAfterSeconds),
    code: event.code,
    message: event.message,
  }),
} as const;

/** An attempt that came to nothing: the next one, or a person when there is none left. */
const nextAttempt = [
  { guard: 'holdsLastLease', target: 'failed', actions: 'countFailure' },
  { guard: 'holdsLease', target: 'queued', actions: 'countFailure' },
] as const;

/** The landing is tried again when the merge task has landed, to prove that this task is contained. */
const resolvable = {
  'conflict.resolved': { guard: 'isFromResolver', target: 'merging', actions: 'recordResolver' },
} as const;

/** What a settled task does in both of its last states. */
const settled = { tags: ['settled'], entry: tell(settledTells) } as const;

/** A unit of agent work: claimed under a lease, submitted, landed on the branch of its phase. */
export const taskMachine = taskSetup.createMachine({
  id: 'task',
  description: 'A unit of agent work: claimed under a lease, submitted, landed on the branch of its phase.',
  context: ({ input }) => initialTaskContext(input),
  entry: watchDependencies,
  initial: 'blocked',
  on: {
    'phase.opened': { actions: 'openPhase' },
    'dependency.watch': { actions: 'watch' },
    'dependency.unwatch': { actions: 'unwatch' },
    'dependency.settled': { actions: 'noteDependency' },
    ...dependencyReplaced,
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
        ...waivable,
        ...relinkable,
        ...splittable,
        ...adjustable,
      },
      states: blockedStates(stuck),
    },
    splitting: {
      description: 'Nobody can claim it any more; its phase makes the tasks that take its place.',
      tags: ['busy'],
      on: {
        'phase.canceling': cancels.along,
        'split.made': { target: 'canceling', actions: 'recordSplit' },
        'split.refused': { target: 'blocked' },
        ...renamable,
      },
    },
    queued: {
      description: 'Ready to be claimed by an agent.',
      tags: ['waiting', 'claimable'],
      entry: putReady,
      exit: { type: 'ready.remove', params: {} },
      on: {
        ...cancelable,
        'task.claim': {
          guard: 'isNextAttempt',
          target: 'in_progress',
          actions: ['takeLease', putLease],
        },
        ...regainable,
        'task.relink': { ...relinked, target: 'blocked' },
        ...splittable,
        ...renamable,
        'task.reprioritize': { actions: ['reprioritize', putReady] },
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
          {
            guard: 'holdsLeaseAndIsReviewed',
            target: 'pending_review',
            actions: ['recordSubmission', putAnswers, countAnswers],
          },
          { guard: 'holdsLease', target: 'merging', actions: ['recordSubmission', putAnswers] },
        ],
        'task.fail': [{ guard: 'isPutOff', target: 'deferred', actions: putOff }, ...nextAttempt],
        'task.stop': [{ guard: 'isStoppedByUser', target: 'held' }, ...nextAttempt],
        'lease.expired': [
          { guard: 'holdsLastLease', target: 'failed', actions: lapse },
          { guard: 'holdsLease', target: 'queued', actions: lapse },
        ],
        ...adjustable,
      },
      states: {
        working: {
          description: 'The agent works.',
          entry: 'noteAnswered',
          on: { 'task.ask': { guard: 'holdsLease', target: 'asking' } },
        },
        asking: {
          description: 'The agent waits for an answer of a person; its lease and work are kept.',
          tags: ['needs_you'],
          entry: 'noteAsking',
          on: { 'task.answer': { target: 'working' } },
        },
      },
    },
    deferred: {
      description:
        'A limit of the agent is reached: it can be claimed again when the time is over that the agent gave.',
      tags: ['waiting'],
      after: { deferral: 'blocked' },
      on: {
        ...cancelable,
        ...waivable,
        ...relinkable,
        ...adjustable,
        'task.resume': { target: 'blocked' },
      },
    },
    held: {
      description: 'A person stopped the agent: resume or cancel.',
      ...stuck,
      on: {
        ...cancelable,
        ...waivable,
        ...relinkable,
        ...adjustable,
        'task.resume': { target: 'blocked' },
      },
    },
    pending_review: {
      description: 'The plan asks for a review of this task before it is landed.',
      tags: ['needs_you'],
      on: {
        ...cancelable,
        ...waivable,
        'task.approve': { guard: 'areHeadsServed', target: 'merging' },
        'task.requestChanges': {
          guard: 'hasRoundsLeft',
          target: 'queued',
          actions: [...putComments(({ submission }: TaskContext) => submission), 'nextRound'],
        },
        ...adjustable,
      },
    },
    merging: {
      description: 'The submitted commits are being landed on the branch of the phase.',
      tags: ['busy'],
      entry: 'clearFailure',
      invoke: {
        id: 'land',
        src: 'task.land',
        input: ({ context }) => ({ submission: context.submission, attempt: context.attempt }),
        onDone: [
          { guard: answer('hasLanded'), target: 'completed', actions: [closeIntents, countLanded] },
          { guard: 'isCancelRequested', target: 'canceling', actions: ['recordLateCancel', closeIntents] },
          {
            guard: answer('isConflict'),
            target: 'conflicted',
            actions: ['countConflict', keepResult, closeIntents],
          },
          {
            guard: answer('isRepeatedConflict'),
            target: 'conflict_unresolved',
            actions: [keepResult, closeIntents],
          },
          {
            guard: answer('isOutrun'),
            target: 'queued',
            actions: ['countOutrun', 'dropSubmission', keepResult, closeIntents],
          },
          {
            guard: answer('isIncomplete'),
            target: 'queued',
            actions: ['countFailure', 'dropSubmission', keepResult, closeIntents],
          },
          { target: 'failed', actions: ['dropSubmission', keepResult, closeIntents] },
        ],
        onError: [
          { guard: 'isCancelRequested', target: 'canceling', actions: 'recordLateCancel' },
          { target: 'failed', actions: keepError },
        ],
      },
      on: {
        'task.cancel': { guard: 'saysWhatDependentsDo', actions: 'requestCancel' },
        'phase.canceling': { actions: 'requestCancel' },
        'conflict.dropped': { actions: 'requestCancel' },
        ...adjustable,
      },
    },
    conflicted: {
      description: 'A merge task resolves the conflict; this one is proven again when that has landed.',
      tags: ['waiting'],
      entry: tellConflict,
      on: {
        ...cancelableInConflict,
        'task.waive': cancelsInConflict.waived,
        ...resolvable,
        // Another one is made, with what the last one had pushed still there to look at.
        'conflict.failed': [
          {
            guard: 'mayBeResolvedAgain',
            target: 'conflicted',
            reenter: true,
            actions: ['recordResolver', dropResolver, 'countConflict'],
          },
          { guard: 'isFromResolver', target: 'conflict_unresolved', actions: 'recordResolver' },
        ],
        ...adjustable,
      },
    },
    conflict_unresolved: {
      description: 'Nobody resolved the conflict: retry, recheck, waive or cancel.',
      ...stuck,
      on: {
        ...cancelableInConflict,
        'task.waive': cancelsInConflict.waived,
        ...resolvable,
        'task.retry': { target: 'merging', actions: ['startOver', dropResolver] },
        'task.recheck': { target: 'merging', actions: dropResolver },
        ...adjustable,
      },
    },
    failed: {
      description: 'All attempts failed, or the landing did: retry, waive or cancel. The work is kept.',
      ...stuck,
      entry: [stuck.entry, tellUnresolved],
      on: {
        ...cancelable,
        ...waivable,
        ...relinkable,
        'task.retry': [
          { guard: 'hasSubmission', target: 'merging', actions: 'startOver' },
          { target: 'blocked', actions: 'startOver' },
        ],
        ...adjustable,
      },
    },
    canceling: {
      description: 'The lease is gone and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'retiring',
      on: dropLateResolver,
      states: {
        retiring: retiring({
          src: 'task.retire',
          input: outcomeInput,
          onDone: { target: '#task.canceled', actions: closeIntents },
        }),
        stuck: {
          description: 'The backup refs could not be written: retry.',
          ...stuck,
          on: { 'task.retry': { target: 'retiring' } },
        },
      },
    },
    completed: {
      description: 'Everything submitted is contained in the branch of the phase.',
      ...settled,
      on: answerWatcher,
    },
    canceled: {
      description: 'Not wanted any more (or waived, or split); its commits are kept under backup refs.',
      ...settled,
      on: { ...answerWatcher, ...dropLateResolver },
    },
  },
});
