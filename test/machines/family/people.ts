import type { AnyEventObject } from 'xstate';
import { ordinalsOfParts } from '../../../src/machines/parts.ts';
import type { TaskContext } from '../../../src/machines/task-context.ts';
import type { Family, Member } from './family.ts';
import { DIGEST } from './outcomes.ts';
import type { Random } from './random.ts';

type Make = (random: Random, member: Member, family: Family) => AnyEventObject;

export const LEASE = '00000000-0000-4000-8000-000000000001';
export const OTHER_LEASE = '00000000-0000-4000-8000-000000000002';
export const AGENT = '00000000-0000-4000-8000-0000000000aa';

const plain =
  (type: string): Make =>
  () => ({ type });
const summary = {
  summary: 'please',
  comments: [
    {
      project: 'web',
      file: 'a.txt',
      side: 'new',
      startLine: 1,
      commit: null,
      blob: null,
      excerpt: [],
      author: 'token:reviewer',
      line: 1,
      text: 'why?',
    },
  ],
};
const approve =
  (type: string): Make =>
  (random, { snapshot }) => {
    const served = snapshot.context as { heads?: string | null; submission?: string | null };
    const digest = served.heads ?? served.submission ?? DIGEST;
    return { type, heads: { web: 'a'.repeat(40) }, digest: random.chance(0.9) ? digest : '0'.repeat(64) };
  };
const cancel =
  (type: string): Make =>
  (random) => {
    const dependents = random.pick(['release', 'cancel', 'keep', undefined]);
    return dependents === undefined ? { type } : { type, dependents };
  };
/** Links only to older siblings: a service refuses cycles before a machine hears of them. */
const older = (random: Random, ordinal: number) =>
  random.some(
    Array.from({ length: Math.max(0, ordinal - 1) }, (_, index) => index + 1),
    0.3,
  );
const relink =
  (type: string): Make =>
  (random, { ordinal }) => ({ type, dependsOn: older(random, ordinal) });
const newTask = (random: Random, key: string, ordinal: number) => ({
  key,
  title: 'more',
  description: '',
  dependsOn: older(random, ordinal),
  priority: 50,
  capabilities: [],
  needsReview: random.chance(0.2),
  projects: null,
});
/** Parts are younger than what waits for them, so those are looked for; while a split is under way nobody can know. */
const relinkTask: Make = (random, member, family) => {
  const siblings = family.childrenOf(String(member.parent));
  if (siblings.some(({ path }) => path === 'splitting')) return { type: 'task.relink', dependsOn: [] };
  const waitsForIt = (ordinal: number): boolean => {
    if (ordinal === member.ordinal) return true;
    const context = siblings.find((sibling) => sibling.ordinal === ordinal)?.snapshot.context as TaskContext;
    const parts = context.parts === null ? [] : ordinalsOfParts(context.parts);
    return [...context.pending, ...parts].some(waitsForIt);
  };
  const dependsOn = older(random, member.ordinal).filter((ordinal) => !waitsForIt(ordinal));
  return { type: 'task.relink', dependsOn };
};
/** The parts wait for what the whole waited for, and maybe for each other. */
const split: Make = (random, { ordinal, snapshot }) => {
  const { pending } = snapshot.context as { pending: readonly number[] };
  return {
    type: 'task.split',
    into: ['a', 'b', 'c'].slice(0, 2 + random.below(2)).map((key, place) => ({
      ...newTask(random, `part-${ordinal}-${key}`, 1),
      dependsOn: pending,
      after: random.chance(0.5) && place > 0 ? [place] : [],
    })),
  };
};
const lease = (random: Random) => (random.chance(0.9) ? LEASE : OTHER_LEASE);

/** What people send, by kind of member. */
export const PEOPLE_SEND: Readonly<Record<Member['kind'], readonly Make[]>> = {
  initiative: [
    plain('initiative.start'),
    plain('initiative.pause'),
    plain('initiative.resume'),
    approve('initiative.approve'),
    () => ({ type: 'initiative.requestChanges', ...summary }),
    plain('initiative.retry'),
    plain('initiative.recheck'),
    plain('initiative.resumeDelivery'),
    plain('initiative.revertDelivery'),
    plain('initiative.sync'),
    // Seldom: not much happens to a family after it.
    (random) =>
      random.chance(0.1) ? { type: 'initiative.cancel' } : { type: 'initiative.rename', title: 'other' },
    (random, { snapshot }) => {
      const { next } = snapshot.context as { next: number };
      const phases = random.shuffled(Array.from({ length: next - 1 }, (_, index) => index + 1));
      return { type: 'initiative.reorder', phases };
    },
    (random, { snapshot }) => {
      const { next } = snapshot.context as { next: number };
      return {
        type: 'initiative.addPhase',
        key: `more-${next}`,
        title: 'more',
        description: '',
        dependsOn: older(random, next),
        draft: random.chance(0.2),
        tasks: [newTask(random, 'one', 1), newTask(random, 'two', 2)].slice(0, random.below(3)),
      };
    },
  ],
  phase: [
    plain('phase.approvePlan'),
    approve('phase.approve'),
    approve('phase.approve'),
    () => ({ type: 'phase.requestChanges', ...summary }),
    plain('phase.retry'),
    plain('phase.recheck'),
    plain('phase.waive'),
    cancel('phase.cancel'),
    relink('phase.relink'),
    () => ({ type: 'phase.rename', title: 'other' }),
    (random, { snapshot }) => {
      const { next } = snapshot.context as { next: number };
      return { type: 'phase.addTask', ...newTask(random, `more-${next}`, next) };
    },
  ],
  task: [
    plain('task.retry'),
    plain('task.recheck'),
    plain('task.resume'),
    plain('task.waive'),
    cancel('task.cancel'),
    approve('task.approve'),
    () => ({ type: 'task.requestChanges', ...summary }),
    () => ({ type: 'task.answer', answer: 'yes' }),
    relinkTask,
    split,
    () => ({ type: 'task.rename', title: 'other' }),
    (random) => ({ type: 'task.reprioritize', priority: random.below(100) }),
  ],
};

/** What an agent, or the service on its behalf, tells a task. */
export function agentEvent(random: Random, task: Member): AnyEventObject {
  const { attempt } = task.snapshot.context as { attempt: number };
  if (task.snapshot.hasTag('claimable')) {
    return { type: 'task.claim', lease: LEASE, agentId: AGENT, attempt: attempt + 1, leaseSeconds: 60 };
  }
  const submit = {
    type: 'task.submit',
    answers: [],
    lease: lease(random),
    submission: DIGEST,
    summary: '',
    noChanges: null,
  };
  return random.pick<AnyEventObject>([
    submit,
    submit,
    submit,
    { type: 'task.fail', lease: lease(random), code: 'tests_failed', message: 'no', retryAfterSeconds: null },
    { type: 'task.fail', lease: lease(random), code: 'rate_limited', message: 'no', retryAfterSeconds: 60 },
    { type: 'task.stop', lease: lease(random), reason: random.pick(['crashed', 'user_requested']) },
    { type: 'lease.expired', lease: lease(random) },
    { type: 'task.ask', lease: lease(random), question: 'which one?' },
  ]);
}
