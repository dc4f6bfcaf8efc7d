import type { AnyMachineSnapshot } from 'xstate';

import type { Sender } from './definition.ts';
import type { Registered } from './registry.ts';

/** Senders that are people or programs outside; the others are the service and the runtime. */
const CLIENTS: readonly Sender[] = ['admin', 'operator', 'reviewer', 'agent'];

/** Every sender that a sender stands for: an admin may send what operators and reviewers may. */
export function sendersOf(sender: Sender): readonly Sender[] {
  return sender === 'admin' ? ['admin', 'operator', 'reviewer'] : [sender];
}

/** The declared events that the state takes now, from that client or, for the runtime's own senders, from any. */
export function nextEvents(
  { definition, scope }: Registered,
  snapshot: AnyMachineSnapshot,
  sender?: Sender,
): string[] {
  if (snapshot.status !== 'active') return [];
  const senders = sender !== undefined && CLIENTS.includes(sender) ? sendersOf(sender) : CLIENTS;
  return Object.entries(definition.events)
    .filter(([, spec]) => spec.senders.some((allowed) => senders.includes(allowed)))
    .map(([type]) => type)
    .filter((type) => mayTake(scope, snapshot, type));
}

/** A guard that only reads the context decides; one that asks for the payload may say yes to the right one. */
export function mayTake(scope: Registered['scope'], snapshot: AnyMachineSnapshot, type: string): boolean {
  let asked = false;
  const event = new Proxy(
    { type },
    {
      get(target, member) {
        if (member === 'type') return target.type;
        asked = true;
        return undefined;
      },
      // A guard that looks whether a member exists, or copies the event, depends on the payload too.
      has(target, member) {
        asked ||= member !== 'type';
        return member in target;
      },
      ownKeys(target) {
        asked = true;
        return Reflect.ownKeys(target);
      },
    },
  );
  try {
    return scope.isEnabled(snapshot, event) || asked;
  } catch {
    return true;
  }
}
