import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import { initiativeMachine } from '../../src/machines/initiative.ts';
import { MAX_REVERTS, type InitiativeContext } from '../../src/machines/initiative-context.ts';
import { phaseMachine } from '../../src/machines/phase.ts';
import type { PhaseContext } from '../../src/machines/phase-context.ts';
import { MAX_DEFERRALS, MAX_OUTRUNS, type TaskContext } from '../../src/machines/task-context.ts';
import { taskMachine } from '../../src/machines/task.ts';
import { startWith, type Space } from './explore.ts';
import { outcomesOf } from './family/outcomes.ts';
import { AGENT, LEASE, OTHER_LEASE } from './family/people.ts';

const DIGEST = 'd'.repeat(64);
const MAX_CONFLICTS = 3;
const cap = (count: number) => Math.min(2, Math.max(0, count));
const has = (value: unknown) => value !== null;
const heads = { heads: {}, digest: DIGEST };
const changes = { summary: 'please', comments: [] };
const policies = ['release', 'cancel', 'keep', undefined] as const;
const plain = (...types: string[]): AnyEventObject[] => types.map((type) => ({ type }));
const settledNews = (pending: readonly number[]): AnyEventObject[] =>
  pending
    .slice(0, 1)
    .flatMap((of) => [
      { type: 'dependency.settled', of, outcome: 'completed' },
      ...policies.map((policy) => ({ type: 'dependency.settled', of, outcome: 'canceled', policy })),
    ]);
const newTask = {
  key: 'more',
  title: 'more',
  description: '',
  dependsOn: [],
  priority: 50,
  capabilities: [],
  needsReview: false,
  projects: null,
};

const newPart = (key: string) => ({ ...newTask, key, after: [] as number[] });

function taskEvents(snapshot: AnyMachineSnapshot): AnyEventObject[] {
  const { attempt, pending, pastResolver } = snapshot.context as TaskContext;
  const agent = [LEASE, OTHER_LEASE].flatMap((lease) => [
    { type: 'task.submit', lease, submission: DIGEST, answers: [] },
    { type: 'task.fail', lease, code: 'no', message: '', retryAfterSeconds: null },
    { type: 'task.fail', lease, code: 'rate_limited', message: '', retryAfterSeconds: 60 },
    { type: 'task.stop', lease, reason: 'crashed' },
    { type: 'task.stop', lease, reason: 'user_requested' },
    { type: 'task.ask', lease, question: 'which?' },
    { type: 'lease.expired', lease },
  ]);
  return [
    ...plain(
      'phase.opened',
      'phase.canceling',
      'conflict.dropped',
      'task.waive',
      'task.retry',
      'task.recheck',
      'task.resume',
    ),
    { type: 'dependency.watch', by: 7 },
    { type: 'dependency.unwatch', by: 7 },
    ...settledNews(pending),
    ...pending.slice(0, 1).map((of) => ({ type: 'dependency.replaced', of, by: [4, 5] })),
    { type: 'dependency.replaced', of: 6, by: [4, 5] },
    { type: 'task.split', into: [newPart('a'), { ...newPart('b'), after: [1] }] },
    { type: 'split.made', first: 4, count: 2 },
    { type: 'split.refused' },
    { type: 'conflict.assigned', to: pastResolver + 1 },
    ...[pastResolver, pastResolver + 1].flatMap((by) => [
      { type: 'conflict.resolved', by },
      { type: 'conflict.failed', by },
    ]),
    { type: 'task.claim', lease: LEASE, agentId: AGENT, attempt: attempt + 1, leaseSeconds: 60 },
    { type: 'task.claim', lease: LEASE, agentId: AGENT, attempt, leaseSeconds: 60 },
    ...agent,
    { type: 'task.regain', lease: LEASE, agentId: AGENT, attempt, leaseSeconds: 60 },
    { type: 'task.answer', answer: 'yes' },
    { type: 'task.approve', ...heads },
    { type: 'task.approve', heads: {}, digest: '0'.repeat(64) },
    { type: 'task.requestChanges', ...changes },
    { type: 'task.rename', title: 'other' },
    { type: 'task.reprioritize', priority: 1 },
    { type: 'task.relink', dependsOn: [] },
    { type: 'task.relink', dependsOn: [8, 9] },
    ...policies.map((dependents) => ({ type: 'task.cancel', dependents })),
  ];
}

function phaseEvents(snapshot: AnyMachineSnapshot): AnyEventObject[] {
  const { pending, settled, next, stuck, resolver, planned, opened } = snapshot.context as PhaseContext;
  return [
    ...plain('slot.granted', 'initiative.paused', 'initiative.resumed', 'initiative.canceling'),
    ...plain('phase.approvePlan', 'phase.retry', 'phase.recheck', 'phase.waive'),
    { type: 'dependency.watch', by: 7 },
    { type: 'dependency.unwatch', by: 7 },
    ...settledNews(pending),
    // One part, so that the count of open tasks grows by one at a time, as far as it is told apart here.
    { type: 'task.splitting', ordinal: 1, into: [newPart('a')] },
    // Tasks tell the truth: none settles twice, and none goes on that was not stuck.
    ...(settled < next - 1
      ? [...new Set([resolver === 1 ? 2 : 1, resolver ?? 1])].map((ordinal) => ({
          type: 'task.settled',
          ordinal,
          outcome: 'completed',
        }))
      : []),
    ...(settled < next - 1 && resolver !== null
      ? [{ type: 'task.settled', ordinal: resolver, outcome: 'canceled' }]
      : []),
    ...(stuck < next - 1 - settled ? [{ type: 'task.stuck', ordinal: 1 }] : []),
    ...(stuck > 0 ? [{ type: 'task.unstuck', ordinal: 1 }] : []),
    { type: 'task.conflicted', ordinal: 1, round: 1, needsReview: true },
    // A task that failed has said that it is stuck before.
    ...(stuck > 0 && opened
      ? [resolver ?? next, next].map((ordinal) => ({ type: 'task.unresolved', ordinal }))
      : []),
    ...(next > planned
      ? []
      : [
          { category: 'execute', conflictOf: null },
          { category: 'merge', conflictOf: 'initiative' },
        ].map((what) => ({ type: 'phase.planTask', ...newTask, ...what }))),
    { type: 'phase.addTask', ...newTask },
    { type: 'phase.approve', heads: {}, digest: (snapshot.context as PhaseContext).heads ?? DIGEST },
    { type: 'phase.approve', heads: {}, digest: '0'.repeat(64) },
    { type: 'phase.requestChanges', ...changes },
    { type: 'phase.rename', title: 'other' },
    { type: 'phase.relink', dependsOn: [] },
    { type: 'phase.relink', dependsOn: [8] },
    ...policies.map((dependents) => ({ type: 'phase.cancel', dependents })),
  ];
}

function initiativeEvents(snapshot: AnyMachineSnapshot): AnyEventObject[] {
  const { settled, next, stuck, active, waiting, resolver } = snapshot.context as InitiativeContext;
  const left = next - 1 - settled;
  // A phase that resolves a conflict is one of those that are left.
  const others = resolver === null ? left : left - 1;
  return [
    ...plain(
      'initiative.start',
      'initiative.pause',
      'initiative.resume',
      'initiative.cancel',
      'initiative.retry',
    ),
    ...plain(
      'initiative.recheck',
      'initiative.resumeDelivery',
      'initiative.revertDelivery',
      'initiative.sync',
    ),
    ...(waiting.length < left ? [{ type: 'slot.request', ordinal: next - 1 - waiting.length }] : []),
    ...waiting
      .slice(0, 1)
      .map((place) => ({ type: place > 0 ? 'slot.withdrawn' : 'slot.request', ordinal: Math.abs(place) })),
    { type: 'initiative.reorder', phases: [2, 1].slice(0, left) },
    ...(active < left ? [{ type: 'slot.taken', ordinal: 1 }] : []),
    ...(active > 0 ? [{ type: 'slot.returned', ordinal: 1 }] : []),
    ...(others > 0 ? [{ type: 'phase.settled', ordinal: resolver === 1 ? 2 : 1, outcome: 'completed' }] : []),
    ...(resolver === null
      ? []
      : ['completed', 'canceled'].map((outcome) => ({ type: 'phase.settled', ordinal: resolver, outcome }))),
    ...(stuck < left ? [{ type: 'phase.stuck', ordinal: 1 }] : []),
    ...(stuck > 0 ? [{ type: 'phase.unstuck', ordinal: 1 }] : []),
    {
      type: 'initiative.addPhase',
      key: 'more',
      title: 'more',
      description: '',
      dependsOn: [],
      draft: false,
      tasks: [newTask],
    },
    {
      type: 'initiative.approve',
      heads: {},
      digest: (snapshot.context as InitiativeContext).heads ?? DIGEST,
      strategies: { web: 'push_branch' },
    },
    { type: 'initiative.approve', heads: {}, digest: '0'.repeat(64), strategies: {} },
    { type: 'initiative.requestChanges', summary: 'please', comments: [] },
    { type: 'initiative.rename', title: 'other' },
  ];
}

const task = {
  ordinal: 3,
  category: 'execute',
  needsReview: false,
  priority: 50,
  phaseOpen: false,
  dependsOn: [],
  conflictOf: null,
  resolves: null,
  maxAttempts: 2,
  maxRounds: 3,
  maxConflicts: 3,
};
const phase = {
  ordinal: 3,
  mode: 'review_per_phase',
  draft: false,
  dependsOn: [],
  tasks: 2,
  paused: false,
  maxAttempts: 2,
  maxRounds: 2,
  maxConflicts: 3,
};
const initiative = {
  mode: 'review_per_phase',
  autostart: false,
  phaseLimit: 1,
  phases: 2,
  maxAttempts: 2,
  maxRounds: 2,
  maxConflicts: 3,
};

/** What there is to explore of each machine. */
export const SPACES: Readonly<Record<'task' | 'phase' | 'initiative', Space>> = {
  task: {
    machine: taskMachine,
    starts: [
      startWith(taskMachine, task),
      startWith(taskMachine, { ...task, dependsOn: [1, 2], needsReview: true }),
      startWith(taskMachine, { ...task, category: 'merge', conflictOf: 'task', resolves: 1 }),
      startWith(taskMachine, {
        ...task,
        category: 'merge',
        conflictOf: 'task',
        resolves: 1,
        needsReview: true,
      }),
      startWith(taskMachine, { ...task, category: 'merge', conflictOf: 'phase' }),
      startWith(taskMachine, task, {
        conflicts: MAX_CONFLICTS - 1,
        outruns: MAX_OUTRUNS - 1,
        deferrals: MAX_DEFERRALS - 1,
      }),
    ],
    events: taskEvents,
    outcomes: outcomesOf,
    relevant: (context: TaskContext) => [
      context.phaseOpen,
      context.needsReview,
      context.resolves,
      context.conflictOf,
      cap(context.pending.length),
      cap(context.stranded.length),
      has(context.lease),
      has(context.lapsed),
      has(context.lapsed) && context.asking,
      context.attempt === 0,
      cap(MAX_DEFERRALS - context.deferrals),
      has(context.submission),
      cap(context.maxAttempts - context.failures),
      cap(context.maxConflicts - context.conflicts),
      cap(MAX_OUTRUNS - context.outruns),
      cap(context.maxRounds - context.round),
      context.cancelRequested,
    ],
  },
  phase: {
    machine: phaseMachine,
    starts: [
      startWith(phaseMachine, phase),
      startWith(phaseMachine, { ...phase, tasks: 0 }),
      startWith(phaseMachine, { ...phase, tasks: 0, planned: 1 }),
      startWith(phaseMachine, { ...phase, mode: 'yolo', tasks: 0, planned: 1 }),
      startWith(phaseMachine, { ...phase, mode: 'yolo', draft: true, dependsOn: [1, 2] }),
      ...(
        [
          ['yolo', false],
          ['yolo', true],
          ['review_per_phase', false],
        ] as const
      ).flatMap(([mode, draft]) =>
        [MAX_CONFLICTS - 1, MAX_CONFLICTS].map((conflicts) =>
          startWith(
            phaseMachine,
            { ...phase, mode, tasks: 1, draft },
            { conflicts, resolver: 1, conflict: { of: 'initiative', projects: null } },
          ),
        ),
      ),
    ],
    events: phaseEvents,
    outcomes: outcomesOf,
    relevant: (context: PhaseContext) => [
      context.mode,
      context.draft,
      cap(context.pending.length),
      cap(context.stranded.length),
      cap(context.next - 1 - context.settled),
      cap(context.planned + 1 - context.next),
      cap(context.stuck),
      context.paused,
      cap(context.maxRounds - context.round),
      context.heads === DIGEST,
      context.approved !== null,
      context.resolver !== null,
      context.unresolved,
      context.opened,
      cap(context.maxConflicts - context.conflicts),
      context.cancelRequested,
    ],
  },
  initiative: {
    machine: initiativeMachine,
    starts: [
      startWith(initiativeMachine, initiative),
      startWith(initiativeMachine, { ...initiative, phases: 0, autostart: true }),
      startWith(initiativeMachine, { ...initiative, phaseLimit: 2 }),
      startWith(initiativeMachine, initiative, { conflicts: MAX_CONFLICTS - 1 }),
    ],
    events: initiativeEvents,
    outcomes: outcomesOf,
    relevant: (context: InitiativeContext) => [
      cap(context.next - 1 - context.settled),
      cap(context.stuck),
      cap(context.active),
      cap(context.phaseLimit - context.active),
      cap(context.waiting.filter((place) => place > 0).length),
      has(context.resolver),
      context.paused,
      cap(context.maxRounds - context.round),
      context.heads === DIGEST,
      cap(context.maxConflicts - context.conflicts),
      cap(MAX_REVERTS - context.reverts),
      context.cancelRequested,
      context.brought,
      context.approved !== null,
    ],
  },
};
