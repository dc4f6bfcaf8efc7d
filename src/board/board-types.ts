export type BoardKind = 'initiative' | 'phase' | 'task';

/** A state as XState writes it: a name, or names within names. */
export type BoardState = string | { readonly [name: string]: unknown };

/** What the board reads of a journal entry; the entries of the feed have more. `cursor` is the place right after it. */
export interface BoardEntry {
  readonly cursor: string;
  readonly actorId: string;
  readonly machine: string;
  readonly rootId: string;
  readonly seq: number;
  readonly type: string;
  readonly event: Readonly<Record<string, unknown>>;
  readonly outcome: string;
  readonly state: BoardState;
  readonly tags: readonly string[];
  readonly principal: string;
  readonly at: string;
}

/** What the board reads of the tree of an initiative: names and order, which the journal need not repeat. */
export interface BoardTree extends BoardName {
  readonly phases: readonly (BoardName & {
    readonly ordinal: number;
    readonly tasks: readonly (BoardName & { readonly ordinal: number })[];
  })[];
}

export interface BoardName {
  readonly id: string;
  readonly key: string;
  readonly title: string;
}

/** One actor as the journal left it. `key` is null until a tree named it. */
export interface BoardActor {
  readonly id: string;
  readonly kind: BoardKind;
  /** Null for an initiative, and until a tree named it. */
  readonly parentId: string | null;
  readonly ordinal: number;
  readonly key: string | null;
  readonly title: string;
  /** The entry that renamed it, 0 if none did: a tree that was read before the entry came does not undo it. */
  readonly renamedBy: number;
  /** Null until its first entry came. */
  readonly state: string | null;
  readonly tags: readonly string[];
  readonly attempt: number;
  /** The agent that holds the lease. */
  readonly agentId: string | null;
  /** Of the newest entry that was counted: an entry that comes again changes nothing. */
  readonly seq: number;
  readonly since: string | null;
}

/** A line of the log: what happened to whom. */
export interface BoardEvent {
  readonly actorId: string;
  readonly seq: number;
  readonly type: string;
  readonly outcome: string;
  readonly state: string;
  readonly principal: string;
  readonly at: string;
}

/** All of one initiative. `cursor` is where the feed goes on; null is its beginning. */
export interface Board {
  readonly initiativeId: string;
  readonly cursor: string | null;
  readonly actors: Readonly<Record<string, BoardActor>>;
  /** The newest, oldest first. */
  readonly events: readonly BoardEvent[];
}
