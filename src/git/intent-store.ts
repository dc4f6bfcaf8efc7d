import type { CommitAuthor, LandedHow, LandingMode, LandingUnit } from './landing-types.ts';

export interface Lane {
  projectId: string;
  ref: string;
}

export interface LandingEntry {
  effectId: string;
  attempt: number;
  unit: LandingUnit;
  author: CommitAuthor;
  lanes: readonly Lane[];
}

/** The right to write for one landing. A newer entry or a take-over bumps the fence, and every write under an old one is refused. */
export interface LandingClaim {
  effectId: string;
  fence: number;
}

/**
 * `prepared`: merge commit built and kept, no intent yet. `open`: an intent that owns its ref. `closed`: settled, and the result is committed.
 * `aborted`: given up before any ref moved. `none`: nothing to move in this project.
 */
export type IntentState = 'prepared' | 'open' | 'closed' | 'aborted' | 'none';

export interface StoredIntent {
  projectId: string;
  ref: string;
  mode: LandingMode;
  source: string | null;
  result: LandedHow;
  before: string;
  after: string;
  state: IntentState;
  /** Set when the refs have been read back. `undone`: moved back, or never moved, because an outside writer made it impossible. */
  outcome: 'done' | 'undone' | null;
}

export interface StoredLanding extends LandingClaim {
  unit: LandingUnit;
  author: CommitAuthor;
  intents: StoredIntent[];
}

export type Entered =
  | { held: true; claim: LandingClaim }
  /** `holder`: the task whose merge was outrun too often, for which the lane waits. */
  | { held: false; behind: string; projectId: string; ref: string; holder?: string };

/** Where landings keep their order, what they prepared, and the intents that own refs. Writes under a lost claim throw `landing_superseded`. */
export interface IntentStore {
  /** How long a claim lives without being renewed. */
  readonly leaseMs: number;
  /** Takes, or keeps, a place in each lane. Held once nobody alive is before us and no living landing has an open intent there. */
  enter(entry: LandingEntry): Promise<Entered>;
  renew(claim: LandingClaim): Promise<boolean>;
  /** Throws unless the claim still stands: asked while the ref locks are held, so that a fenced landing can not commit. */
  assertHeld(claim: LandingClaim): Promise<void>;
  load(effectId: string): Promise<StoredLanding | null>;
  /** Open intents of landings whose lease is over on these lanes, fenced and handed over to the caller. */
  takeOver(claim: LandingClaim, lanes: readonly Lane[]): Promise<StoredLanding[]>;
  /** Replaces what was prepared for this landing. */
  prepare(claim: LandingClaim, intents: readonly StoredIntent[]): Promise<void>;
  /** Opens an intent for everything prepared, all or none. */
  open(claim: LandingClaim): Promise<void>;
  /** The crash rule built another commit onto an outside writer's tip. */
  replace(claim: LandingClaim, projectId: string, before: string, after: string): Promise<void>;
  /** Gives up every open intent in one transaction; only before any ref has moved. */
  abort(claim: LandingClaim): Promise<void>;
  /** Records what was read back. The intents stay open: they close with the actor's result. */
  settle(claim: LandingClaim, outcome: 'done' | 'undone'): Promise<void>;
  /** Closes the intents of a landing that was taken over and settled. */
  close(claim: LandingClaim): Promise<void>;
  /** Leaves the lanes; open intents keep owning their refs. */
  leave(claim: LandingClaim): Promise<void>;
  /** Refs with an open intent: nobody else may move them. */
  ownedRefs(projectId: string): Promise<string[]>;
  /** Runs alone among all processes for this name. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>;
}
