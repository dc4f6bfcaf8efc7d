import type { Incoming } from './incoming.ts';
import type { Outcome, PostedEvent } from './outcome.ts';

/** What became of an event: an outcome, or nothing because its row was not ours any more. */
export type Delivery = Outcome | { readonly outcome: 'dropped' };

/** An event in the mailbox and whoever waits for its answer. */
export interface Pending {
  readonly actorId: string;
  readonly eventId: string;
  /** As a caller posted it, or as the runtime made it. */
  readonly source: { readonly posted: PostedEvent } | { readonly incoming: Incoming };
  readonly answered: Promise<Delivery>;
  readonly resolve: (delivery: Delivery) => void;
  readonly reject: (error: Error) => void;
  /** When to give up while the database is away; null for internal events, whose rows wait for ever. */
  readonly deadline: number | null;
  /** Races lost to another process. */
  losses: number;
  /** True when an earlier try may have been committed: the journal is asked first. */
  isUncertain: boolean;
}

/** All that waits for one actor and goes into one turn. */
export interface Job {
  readonly actorId: string;
  readonly pendings: readonly Pending[];
}

/** What has to be tried again. */
export interface Leftover extends Job {
  readonly why: 'lost' | 'unknown' | 'again';
}

/** The database did not answer in time: posting the same id again is safe and tells. */
export class OutcomeUnknown extends Error {
  constructor(actorId: string, options?: ErrorOptions) {
    super(
      `the database did not answer in time, so it is unknown whether actor ${actorId} took the event; post it again with the same id`,
      options,
    );
    this.name = 'OutcomeUnknown';
  }
}

export function isInternal(pending: Pending): boolean {
  return 'incoming' in pending.source;
}
