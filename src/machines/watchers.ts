import type { Tell } from './outbox.ts';
import type { DependentsPolicy, SettledOutcome } from './payloads.ts';

/** The part of a task's or phase's context that its siblings wait for. */
interface Watched {
  readonly ordinal: number;
  readonly outcome: SettledOutcome;
  readonly dependents: DependentsPolicy | null;
}

/** The news that something is settled, for one that waits for it. */
function settledNews({ ordinal, outcome, dependents }: Watched, watcher: number): Tell {
  const policy = dependents === null ? {} : { policy: dependents };
  return {
    to: { sibling: watcher },
    event: { type: 'dependency.settled', of: ordinal, outcome, ...policy },
  };
}

/** Adds a watcher once. */
export function withWatcher(watchers: readonly number[], by: number): readonly number[] {
  return watchers.includes(by) ? watchers : [...watchers, by];
}

/** Tells all that wait for it. */
export function watcherTells(context: Watched & { readonly watchers: readonly number[] }): Tell[] {
  return context.watchers.map((watcher) => settledNews(context, watcher));
}

/** What is settled already answers at once: nobody would tell the one that asks late. */
export const answerWatcher = {
  'dependency.watch': {
    actions: {
      type: 'tell',
      params: ({ context, event }: { context: Watched; event: { by: number } }) =>
        settledNews(context, event.by),
    },
  },
} as const;
