import { leaveTells, toSiblings, watchTells, type Waiting } from './dependencies.ts';
import { tell } from './outbox.ts';

/** Asks what this waits for to say when it is settled. */
export const watchDependencies = tell(watchTells);

/** Does not wait any more: what it waited for need not ask what becomes of it. */
export const leaveDependencies = tell((waiting: Waiting) => leaveTells(waiting));

/** Waits for others than before; those of before forget it. */
export const relinked = {
  guard: 'canRelink',
  actions: [
    {
      type: 'tell',
      params: ({ context, event }: { context: Waiting; event: { dependsOn: readonly number[] } }) =>
        leaveTells(context, event.dependsOn),
    },
    'relink',
    watchDependencies,
  ],
} as const;

/** Waits for the parts of what was split. */
export const dependencyReplaced = {
  'dependency.replaced': {
    guard: 'waitsForIt',
    actions: [
      'replaceDependency',
      {
        type: 'tell',
        params: ({ context, event }: { context: Waiting; event: { by: readonly number[] } }) =>
          toSiblings(context, event.by, 'dependency.watch'),
      },
    ],
  },
} as const;

/** All but the one that has just settled. */
const leaveOthers = {
  type: 'tell',
  params: ({ context, event }: { context: Waiting; event: { of: number } }) =>
    leaveTells(context, [event.of]),
} as const;

/** A dependency that is canceled takes along what waits for it, if its cancel said so. */
export const dependencyNews = {
  'dependency.settled': [
    { guard: 'cancelsWithIt', target: 'canceling', actions: [leaveOthers, 'recordCancel'] },
    { actions: 'noteDependency' },
  ],
} as const;

/** The states inside `blocked`; `stuck` is what the parent is told while a person has to decide. */
export function blockedStates<const Stuck extends object>(stuck: Stuck) {
  return {
    waiting: {
      description: 'What it waits for is under way.',
      always: { guard: 'isStranded', target: 'stranded' },
    },
    stranded: {
      description: 'Something it depends on was canceled: waive it, or link it to something else.',
      ...stuck,
      always: { guard: 'isNotStranded', target: 'waiting' },
    },
  } as const;
}
