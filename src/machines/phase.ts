import { blockedStates, dependencyNews, relinked, watchDependencies } from './blocked.ts';
import { outcomeInput, retiring, waysToCancel } from './canceling.ts';
import { tellChildren } from './children.ts';
import { answer, closeIntents, keepError, keepResult } from './effect-answers.ts';
import { initialPhaseContext, phaseSettledTells } from './phase-context.ts';
import { phaseSetup } from './phase-setup.ts';
import {
  addMergeTask,
  addOwnMergeTask,
  addRevisionTask,
  addTask,
  dropMergeTask,
  planTask,
  refuseSplit,
  splitTask,
} from './phase-tasks.ts';
import { tell } from './outbox.ts';
import { putTitle } from './renaming.ts';
import { keepApproval, openingReview } from './review-states.ts';
import { countLanded } from './task-answers.ts';
import { stuckAs, tellParent } from './tell-parent.ts';
import { answerWatcher } from './watchers.ts';

const stuck = stuckAs('phase');
const takeSlot = tellParent('slot.taken');
const cancels = waysToCancel('#phase.canceling');
const cancelsQueued = waysToCancel('#phase.canceling', tellParent('slot.withdrawn'));

const renamable = { 'phase.rename': putTitle } as const;
const cancelable = { 'phase.cancel': cancels.byPerson, 'initiative.canceling': cancels.along } as const;
const waivable = { 'phase.waive': cancels.waived } as const;
const splittable = {
  'task.splitting': [{ guard: 'hasItsPlan', actions: splitTask }, { actions: refuseSplit }],
} as const;
const makesMergeTask = { 'task.conflicted': { actions: addMergeTask } } as const;

/** Before the phase runs: nobody may come between the tasks of its plan, which name each other by ordinal. */
const plannable = {
  'phase.planTask': { actions: planTask },
  'phase.addTask': { guard: 'hasItsPlan', actions: addTask },
  ...splittable,
} as const;

/** One more task while it is looked at: the review is void, and the work goes on with a slot again. */
const reopenable = {
  'phase.addTask': { target: 'in_progress.deciding', actions: [...addTask, 'voidReview', takeSlot] },
} as const;

const landable = { 'phase.retry': { target: 'merging' }, 'phase.recheck': { target: 'merging' } } as const;

/** Where nobody made anything of the conflict that this phase has: a person is asked before it is proven without that. */
const whenAllSettled = [
  { guard: 'isLeftUnresolved', target: '#phase.conflict_unresolved', actions: 'recordUnresolved' },
  { guard: 'areAllSettled', target: '#phase.in_progress.proving' },
] as const;

/** What a settled phase does in both of its last states. */
const settled = { tags: ['settled'], entry: tell(phaseSettledTells), on: answerWatcher } as const;

/** A slice of an initiative with a branch of its own, on which its tasks land. */
export const phaseMachine = phaseSetup.createMachine({
  id: 'phase',
  description: 'A slice of an initiative with a branch of its own, on which its tasks land.',
  context: ({ input }) => initialPhaseContext(input),
  entry: watchDependencies,
  initial: 'draft',
  on: {
    'dependency.watch': { actions: 'watch' },
    'dependency.unwatch': { actions: 'unwatch' },
    'dependency.settled': { actions: 'noteDependency' },
    'task.splitting': { actions: refuseSplit },
    'slot.granted': { actions: tellParent('slot.returned') },
    'initiative.paused': { actions: 'notePause' },
    'initiative.resumed': { actions: 'noteResume' },
    'task.settled': [
      { guard: 'isMergedAgain', actions: ['countSettled', ...addOwnMergeTask] },
      { guard: 'isLastMerge', actions: ['countSettled', 'noteUnresolved'] },
      { actions: ['countSettled', 'noteResolved'] },
    ],
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
        ...dependencyNews,
        'phase.approvePlan': { target: 'blocked' },
        'phase.relink': relinked,
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
        ...dependencyNews,
        'phase.relink': relinked,
        ...plannable,
      },
      states: blockedStates(stuck),
    },
    queued: {
      description: 'Waits for a slot of the initiative.',
      tags: ['waiting'],
      entry: tellParent('slot.request'),
      on: {
        'slot.granted': { target: 'in_progress' },
        'phase.cancel': cancelsQueued.byPerson,
        'initiative.canceling': cancelsQueued.along,
        'phase.waive': cancelsQueued.waived,
        'phase.relink': {
          ...relinked,
          target: 'blocked',
          actions: [...relinked.actions, tellParent('slot.withdrawn')],
        },
        ...renamable,
        ...plannable,
      },
    },
    in_progress: {
      description: 'Holds a slot; the tasks are worked on and landed on the branch of the phase.',
      initial: 'opening',
      exit: tellParent('slot.returned'),
      on: {
        ...cancelable,
        ...renamable,
        ...splittable,
        'phase.addTask': { target: '.deciding', actions: addTask },
        'task.unresolved': [
          { guard: 'mayMergeAgain', actions: [dropMergeTask, ...addOwnMergeTask] },
          {
            guard: 'isLastOpen',
            target: 'conflict_unresolved',
            actions: [dropMergeTask, 'recordUnresolved'],
          },
        ],
      },
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
              actions: ['noteOpened', tellChildren('phase.opened')],
            },
            onError: { target: 'open_failed', actions: keepError },
          },
        },
        open_failed: {
          description: 'The branch could not be made: retry or cancel.',
          ...stuck,
          on: { 'phase.retry': { target: 'opening' }, ...waivable, 'phase.addTask': { actions: addTask } },
        },
        deciding: {
          description: 'Looks at its tasks: go on, ask a person, or prove that all is there.',
          tags: ['busy'],
          always: [...whenAllSettled, { guard: 'isAnyStuck', target: 'attention' }, { target: 'working' }],
        },
        working: {
          description: 'Tasks are under way.',
          tags: ['busy'],
          always: [...whenAllSettled, { guard: 'isAnyStuck', target: 'attention' }],
          on: makesMergeTask,
        },
        attention: {
          description: 'At least one task waits for a person; the others go on.',
          ...stuck,
          tags: ['busy', 'needs_you'],
          always: [...whenAllSettled, { guard: 'isNoneStuck', target: 'working' }],
          on: makesMergeTask,
        },
        conflicted: {
          description:
            'A merge task resolves the conflict on the branch of the phase; then it is proven again.',
          tags: ['busy'],
          always: [...whenAllSettled, { guard: 'isAnyStuck', target: 'conflict_attention' }],
        },
        conflict_attention: {
          description: 'The merge task for the branch of the phase waits for a person.',
          ...stuck,
          tags: ['busy', 'needs_you'],
          always: [...whenAllSettled, { guard: 'isNoneStuck', target: 'conflicted' }],
        },
        proving: {
          description: 'Git is asked whether everything that the tasks submitted is on the branch.',
          tags: ['busy'],
          invoke: {
            id: 'prove',
            src: 'phase.prove',
            input: {},
            onDone: [
              { guard: answer('isProvenAndYolo'), target: '#phase.merging', actions: 'clearFailure' },
              { guard: answer('isProven'), target: '#phase.pending_review', actions: 'clearFailure' },
              { target: 'unproven', actions: answer('recordMissing') },
            ],
            onError: { target: 'unproven', actions: keepError },
          },
        },
        unproven: {
          description: 'Something submitted is not on the branch: recheck, add a task, waive or cancel.',
          ...stuck,
          on: { ...waivable, 'phase.recheck': { target: 'proving' }, 'phase.retry': { target: 'proving' } },
        },
      },
    },
    pending_review: {
      description: 'A reviewer looks at exactly the heads that were read when the review opened.',
      initial: 'opening',
      on: { ...cancelable, ...waivable, ...renamable, ...reopenable },
      states: {
        opening: openingReview('phase.openReview', {
          target: '#phase.in_progress.unproven',
          actions: ['voidReview', answer('recordMissing'), takeSlot],
        }),
        open: {
          description: 'Waits for a reviewer: approve these heads, or request changes.',
          tags: ['needs_you'],
          on: {
            'phase.approve': { guard: 'areHeadsServed', target: '#phase.merging', actions: keepApproval },
            'phase.requestChanges': {
              guard: 'hasRoundsLeft',
              target: '#phase.in_progress.deciding',
              actions: [...addRevisionTask, 'nextRound', takeSlot],
            },
            'phase.recheck': { target: 'opening' },
          },
        },
        unreadable: {
          description: 'The heads could not be read: recheck, waive or cancel.',
          ...stuck,
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
          on: { ...cancelable, ...waivable },
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
                guard: answer('hasLanded'),
                target: '#phase.completed',
                actions: [closeIntents, countLanded],
              },
              {
                guard: 'isCancelRequested',
                target: '#phase.canceling',
                actions: ['recordLateCancel', closeIntents],
              },
              {
                guard: answer('haveHeadsMoved'),
                target: '#phase.pending_review',
                actions: ['voidReview', closeIntents],
              },
              {
                guard: answer('isConflictToResolve'),
                target: '#phase.in_progress.conflicted',
                actions: [keepResult, answer('recordConflict'), closeIntents, takeSlot, ...addOwnMergeTask],
              },
              {
                guard: answer('isConflict'),
                target: '#phase.conflict_unresolved',
                actions: [keepResult, answer('recordConflict'), closeIntents],
              },
              { target: '#phase.merge_failed', actions: [keepResult, closeIntents] },
            ],
            onError: [
              { guard: 'isCancelRequested', target: '#phase.canceling', actions: 'recordLateCancel' },
              { target: '#phase.merge_failed', actions: keepError },
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
      description: 'Nobody resolved the conflict: retry, recheck, waive or cancel. Nothing has moved.',
      ...stuck,
      on: {
        ...cancelable,
        ...waivable,
        ...renamable,
        ...reopenable,
        'phase.retry': {
          target: 'in_progress.conflicted',
          actions: ['startOver', takeSlot, ...addOwnMergeTask],
        },
        'phase.recheck': [
          { guard: 'isAgreedAndSettled', target: 'merging' },
          { target: 'in_progress.deciding', actions: takeSlot },
        ],
      },
    },
    merge_failed: {
      description: 'The landing failed for another reason than a conflict: nothing has moved.',
      ...stuck,
      on: { ...cancelable, ...waivable, ...renamable, ...landable },
    },
    canceling: {
      description: 'Tasks end, leases are revoked, and every commit is put under a backup ref.',
      tags: ['busy'],
      initial: 'draining',
      entry: tellChildren('phase.canceling'),
      // No merge task takes the place of one that ends along with the phase.
      on: { 'task.settled': { actions: 'countSettled' } },
      states: {
        draining: {
          description: 'Waits until each task is settled.',
          tags: ['waiting'],
          always: { guard: 'areAllSettled', target: 'retiring' },
        },
        retiring: retiring({
          src: 'phase.retire',
          input: outcomeInput,
          onDone: { target: '#phase.canceled' },
        }),
        stuck: {
          description: 'The backup refs could not be written: retry.',
          ...stuck,
          on: { 'phase.retry': { target: 'retiring' } },
        },
      },
    },
    completed: {
      description: 'Everything on the branch of the phase is contained in the branch of the initiative.',
      ...settled,
    },
    canceled: {
      description: 'Not wanted any more (or waived); its commits are kept under backup refs.',
      ...settled,
    },
  },
});
