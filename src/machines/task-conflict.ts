import { tell } from './outbox.ts';
import { dropConflictTells, unresolvedTells, type TaskContext } from './task-context.ts';

/** Asks the phase for a merge task. Where people look at a task before it lands, they look at its resolution too. */
export const tellConflict = tell(({ ordinal, conflicts, needsReview }: TaskContext) => ({
  to: 'parent',
  event: { type: 'task.conflicted', ordinal, round: conflicts, needsReview },
}));

/** A merge task that failed says so to whoever waits for it. */
export const tellUnresolved = tell(unresolvedTells);

/** Ends the merge task that nobody waits for any more; left alone, it would land what was canceled. */
export const dropResolver = tell(dropConflictTells);

/** A merge task that was made while this task was being canceled. */
export const dropLateResolver = {
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
