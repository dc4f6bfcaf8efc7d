import type { AnyMachineSnapshot } from 'xstate';

import type { Sender } from './definition.ts';
import { nextEvents } from './next-events.ts';
import type { Answer } from './plan.ts';
import type { Registered } from './registry.ts';

/** What a caller is told of a state. */
export function answerOf(
  registered: Registered,
  snapshot: AnyMachineSnapshot,
  sender?: Sender,
  reason?: string,
): Answer {
  const answer = {
    state: snapshot.value as Answer['state'],
    tags: [...snapshot.tags].toSorted(),
    next: nextEvents(registered, snapshot, sender),
  };
  return reason === undefined ? answer : { ...answer, reason };
}

/** What was thrown, as a short sentence that jsonb can hold. */
export function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replaceAll('\u0000', '').toWellFormed().slice(0, 500);
}
