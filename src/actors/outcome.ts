import type { StateValue } from 'xstate';

import type { Sender } from './definition.ts';
import type { JsonObject } from './json.ts';

/** An event as a caller posts it. The same id is applied at most once. */
export interface PostedEvent {
  readonly id: string;
  readonly type: string;
  readonly payload: JsonObject;
  readonly sender: Sender;
  /** Who it was, for the journal: `token:<id>`, `system`, ... */
  readonly principal: string;
  /** Refuse with `stale_version` unless the actor is at this version. */
  readonly ifVersion?: number;
}

export type RefusalReason =
  | 'unknown_actor'
  | 'unknown_event'
  | 'invalid_payload'
  | 'sender_not_allowed'
  | 'not_enabled'
  | 'stale_version'
  | 'quarantined'
  | 'not_active'
  | 'constraint';

/** What the journal remembers of an applied event. */
export interface Recorded {
  readonly outcome: 'accepted' | 'duplicate' | 'rejected' | 'ignored';
  readonly actorId: string;
  readonly version: number;
  readonly state: StateValue;
  readonly tags: string[];
  /** Events a caller may send now. */
  readonly next: string[];
  readonly reason?: string;
  /** On a duplicate: what the first answer was, and the event as it was applied then. */
  readonly first?: { readonly outcome: 'accepted' | 'rejected' | 'ignored'; readonly event: JsonObject };
}

/** Nothing was written; the same id may be accepted later. */
export interface Refused {
  readonly outcome: 'refused';
  readonly code: RefusalReason;
  readonly message: string;
  readonly details?: JsonObject;
  readonly version?: number;
  readonly state?: StateValue;
  readonly tags?: string[];
  readonly next?: string[];
}

export type Outcome = Recorded | Refused;
