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
  return news.outcome !== 'canceled' || news.policy === 'release';
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

/** Asks every sibling in `pending` to say when it is settled. */
export function watchTells(waiting: Waiting): TellParams {
  return {
    many: waiting.pending.map((sibling) => ({
      to: { sibling },
      event: { type: 'dependency.watch', by: waiting.ordinal },
    })),
  };
}
