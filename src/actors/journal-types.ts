import type { StateValue } from 'xstate';

import type { Sender } from './definition.ts';
import type { JsonObject } from './json.ts';

/** Where a reader of the feed stands: opaque text made of (xid, actor, seq). */
export type Cursor = string;

/** One journal row. */
export interface JournalEntry {
  readonly actorId: string;
  readonly rootId: string;
  readonly machine: string;
  readonly seq: number;
  readonly eventId: string;
  readonly type: string;
  readonly event: JsonObject;
  readonly sender: Sender | 'runtime';
  readonly principal: string;
  readonly outcome: 'accepted' | 'rejected' | 'ignored';
  readonly answer: {
    readonly state: StateValue;
    readonly tags: string[];
    readonly next: string[];
    readonly reason?: string;
  };
  readonly effectId: string | null;
  readonly at: Date;
  /** The position of this very entry. */
  readonly cursor: Cursor;
}

export interface FeedRead {
  readonly after?: Cursor;
  readonly rootId?: string;
  readonly actorId?: string;
  readonly limit?: number;
}

/** Why a reader may be behind: an open write transaction anywhere on the server holds the horizon. */
export interface FeedLag {
  /** Entries committed but not yet readable, counted up to 1,000. */
  readonly entries: number;
  readonly blockingPid: number | null;
  readonly blockingDatabase: string | null;
  readonly blockedForMs: number | null;
}

/** Everything that happened, in one order that never changes behind a reader. */
export interface JournalFeed {
  read(options: FeedRead): Promise<{ entries: JournalEntry[]; next: Cursor }>;
  /** Calls back when there may be something new to read; gives the way to stop. */
  subscribe(onNews: () => void): () => void;
  lag(): Promise<FeedLag>;
}
