import type { Pending } from './pending.ts';

/** Messages of one sender stand in the order they were sent, in the places where messages of that sender stand. */
export function inOrder(pendings: readonly Pending[]): Pending[] {
  const sorted = new Map<string, Pending[]>();
  for (const pending of pendings) {
    const sender = senderOf(pending);
    if (sender !== null) sorted.set(sender.fromId, [...(sorted.get(sender.fromId) ?? []), pending]);
  }
  for (const own of sorted.values()) own.sort((a, b) => order(a) - order(b) || place(a) - place(b));
  return pendings.map((pending) => {
    const sender = senderOf(pending);
    return sender === null ? pending : (sorted.get(sender.fromId)?.shift() as Pending);
  });
}

/** The message behind an event; null for any other event. */
export function senderOf({ source }: Pending) {
  const origin = 'incoming' in source ? source.incoming.origin : null;
  return origin?.kind === 'message' ? origin : null;
}

function order(pending: Pending): number {
  return senderOf(pending)?.seq ?? 0;
}

function place(pending: Pending): number {
  return senderOf(pending)?.place ?? 0;
}
