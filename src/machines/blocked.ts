import { watchTells } from './dependencies.ts';
import { tell } from './outbox.ts';

/** Asks what this waits for to say when it is settled. */
export const watchDependencies = tell(watchTells);

/** Waits for others than before. */
export const relinked = { guard: 'canRelink', actions: ['relink', watchDependencies] } as const;

/** A dependency that is canceled takes along what waits for it, if its cancel said so. */
export const dependencyNews = {
  'dependency.settled': [
    { guard: 'cancelsWithIt', target: 'canceling', actions: 'recordCancel' },
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
