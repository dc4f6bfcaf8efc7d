import { tell } from './outbox.ts';

/** Tells the parent something about this child. */
export function tellParent(type: string) {
  return tell(({ ordinal }: { ordinal: number }) => ({ to: 'parent', event: { type, ordinal } }));
}

/** What is the same in the states that only a person leads out of: the parent knows as long as the child is in one. */
export function stuckAs(unit: 'task' | 'phase') {
  return {
    tags: ['needs_you'],
    entry: tellParent(`${unit}.stuck`),
    exit: tellParent(`${unit}.unstuck`),
  } as const;
}
