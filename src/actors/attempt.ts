import type { Incoming } from './incoming.ts';
import type { Delivery, Leftover, Pending } from './pending.ts';
import type { Plan } from './plan.ts';
import type { Turn } from './turn.ts';

/** One actor of a batch on its way through. */
export interface Prepared {
  readonly pendings: ReadonlyMap<Incoming, Pending>;
  readonly turn: Turn;
}

/** A refusal that holds only if the actor is still at that version and the journal does not know the event. */
export interface Doubt {
  readonly pending: Pending;
  readonly delivery: Delivery;
  readonly version: number;
}

/** What one try came to. Nobody is told before the commit has returned. */
export interface Attempt {
  readonly answers: { pending: Pending; delivery: Delivery }[];
  readonly leftovers: Leftover[];
  readonly plans: Plan[];
  readonly deadLetters: string[];
  /** Steps that threw where nothing may throw: a defect, which must stay with its actor. */
  readonly defects: { pendings: readonly Pending[]; thrown: unknown }[];
  readonly doubts: Doubt[];
  xid: string;
}

export function beginAttempt(): Attempt {
  return { answers: [], leftovers: [], plans: [], deadLetters: [], defects: [], doubts: [], xid: '' };
}
