import type { Tell } from './outbox.ts';
import { ordinalsOfParts, type Parts } from './parts.ts';
import type { DependentsPolicy, SettledOutcome } from './payloads.ts';

/** The part of a task's or phase's context that its siblings wait for. */
interface Watched {
  readonly ordinal: number;
  readonly outcome: SettledOutcome;
  readonly dependents: DependentsPolicy | null;
  /** What took its place, if it was split. */
  readonly parts?: Parts | null;
}

/** The news that something is settled, for one that waits for it. */
function settledNews({ ordinal, outcome, dependents, parts }: Watched, watcher: number): Tell {
  // Nobody goes on because something was split: what took its place is waited for.
  if (parts) {
    return {
      to: { sibling: watcher },
      event: { type: 'dependency.replaced', of: ordinal, by: ordinalsOfParts(parts) },
    };
  }
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

/** Forgets a watcher that has left. */
export function withoutWatcher(watchers: readonly number[], by: number): readonly number[] {
  return watchers.filter((watcher) => watcher !== by);
}

/** Tells all that wait for it. */
export function watcherTells(context: Watched & { readonly watchers: readonly number[] }): Tell[] {
  return context.watchers.map((watcher) => settledNews(context, watcher));
}

/**
 * What is settled already answers at once: nobody would tell the one that asks late. Who canceled what waited for it then has not
 * decided about that one: it is stranded, and a person is asked.
 */
export const answerWatcher = {
  'dependency.watch': {
    actions: {
      type: 'tell',
      params: ({ context, event }: { context: Watched; event: { by: number } }) =>
        settledNews(
          { ...context, dependents: context.dependents === 'cancel' ? null : context.dependents },
          event.by,
        ),
    },
  },
} as const;
