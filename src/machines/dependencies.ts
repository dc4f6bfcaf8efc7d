import type { TellParams } from './outbox.ts';
import type { DependentsPolicy, SettledOutcome } from './payloads.ts';

/** The part of a task's or phase's context that waits for siblings. */
export interface Waiting {
  readonly ordinal: number;
  readonly pending: readonly number[];
  readonly stranded: readonly number[];
}

interface Settled {
  readonly of: number;
  readonly outcome: SettledOutcome;
  readonly policy?: DependentsPolicy | undefined;
}

/** Does this news end the waiting for that dependency? A canceled one releases only where its cancel said so. */
export function releases(news: Settled): boolean {
  return news.outcome === 'completed' || news.outcome === 'waived' || news.policy === 'release';
}

/** Takes the dependency off the list, or marks it as stranded: canceled, and nobody has said to go on without it. */
export function afterSettled(waiting: Waiting, news: Settled): Pick<Waiting, 'pending' | 'stranded'> {
  const { pending, stranded } = waiting;
  if (!pending.includes(news.of)) return { pending, stranded };
  if (releases(news)) {
    return {
      pending: pending.filter((ordinal) => ordinal !== news.of),
      stranded: stranded.filter((ordinal) => ordinal !== news.of),
    };
  }
  return { pending, stranded: [...new Set([...stranded, news.of])] };
}

/** Waits for what took the place of a dependency that was split. */
export function afterReplaced(
  { pending }: Waiting,
  { of, by }: { readonly of: number; readonly by: readonly number[] },
): Pick<Waiting, 'pending'> {
  return { pending: [...new Set([...pending.filter((ordinal) => ordinal !== of), ...by])] };
}

/** Asks every sibling in `pending` to say when it is settled. */
export function watchTells(waiting: Waiting): TellParams {
  return toSiblings(waiting, waiting.pending, 'dependency.watch');
}

/** Tells what was waited for, except those in `kept`, that nobody waits any more. What is stranded was heard of, and remembers nobody. */
export function leaveTells(waiting: Waiting, kept: readonly number[] = []): TellParams {
  const left = waiting.pending.filter(
    (ordinal) => !kept.includes(ordinal) && !waiting.stranded.includes(ordinal),
  );
  return toSiblings(waiting, left, 'dependency.unwatch');
}

/** The same event for several siblings. */
export function toSiblings(
  { ordinal }: Pick<Waiting, 'ordinal'>,
  siblings: readonly number[],
  type: 'dependency.watch' | 'dependency.unwatch',
): TellParams {
  return { many: siblings.map((sibling) => ({ to: { sibling }, event: { type, by: ordinal } })) };
}
