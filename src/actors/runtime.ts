import type { CommitFailure } from './commit-failure.ts';
import type { ActorDefinition } from './definition.ts';
import type { EffectRegistration } from './effects.ts';
import type { InstanceClaim } from './instance.ts';
import type { JournalEntry, JournalFeed } from './journal-types.ts';
import type { JsonObject } from './json.ts';
import type { Outcome, PostedEvent } from './outcome.ts';
import type { RowWriter } from './row-writer.ts';
import type { Sql, SqlPool } from './sql.ts';
import type { ActorView } from './view.ts';

/** Where the runtime says what an operator should know. Pino's loggers fit. */
export interface RuntimeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Durations; each has a default that suits production (see clock.ts). */
export interface RuntimeClock {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly heartbeatMs: number;
  /** A gap in the heartbeat longer than this is an outage of ours. */
  readonly outageMs: number;
  /** How often timers, messages and effects are looked for without a wake-up. */
  readonly pollMs: number;
  readonly notifyMs: number;
  /** How long `post` goes on trying while the database is away. */
  readonly postTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
}

export interface RuntimeOptions {
  readonly sql: SqlPool;
  readonly definitions: readonly ActorDefinition[];
  readonly effects: Readonly<Record<string, EffectRegistration>>;
  readonly rowWriters: readonly RowWriter[];
  /** Whose effects are taken back at once at start; guard it with `claimInstance`. */
  readonly instanceId: string;
  /** Without it, effects of an earlier life wait for their lease to run out. */
  readonly claim?: InstanceClaim;
  readonly log: RuntimeLog;
  readonly clock?: Partial<RuntimeClock>;
  /** Called in the transaction that ends an outage, so that other lease tables get their full term too. */
  readonly onOutage?: (sql: Sql) => Promise<void>;
}

/** An actor to be born in the caller's own transaction. */
export interface NewActor {
  readonly id: string;
  readonly machine: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly input: JsonObject;
  readonly principal: string;
}

export interface Readiness {
  /** False until the first count is in, while the last heartbeat could not be written, and while commits fail. */
  readonly ready: boolean;
  readonly live: number;
  readonly toUpgrade: number;
  readonly quarantined: number;
  /** True while the database can not be reached. */
  readonly outage: boolean;
  /** Why commits wait, though the database answers; null when the last one was written. */
  readonly commitFailure: CommitFailure | null;
  /** When the last outage ended, if there was one since the start. */
  readonly lastOutageEndedAt: Date | null;
}

export interface Runtime {
  start(): Promise<void>;
  /** Drains: takes no new effects, aborts the running ones and gives them back, finishes what is in the mailbox. */
  stop(): Promise<void>;
  post(actorId: string, event: PostedEvent): Promise<Outcome>;
  /** Writes newborn actors in the caller's transaction; call `wake` after its commit. */
  create(sql: Sql, actors: readonly NewActor[]): Promise<void>;
  /** Looks for effects, timers and messages at once instead of at the next poll. */
  wake(): void;
  peek(actorId: string): Promise<ActorView | null>;
  peekMany(actorIds: readonly string[]): Promise<ActorView[]>;
  listByRoot(rootId: string): Promise<ActorView[]>;
  readonly feed: JournalFeed;
  journal(actorId: string, options?: { after?: number; limit?: number }): Promise<JournalEntry[]>;
  /**
   * Lifts the quarantine and applies again what caused it. `lifted` when nothing had been consumed: what waits comes again by
   * itself; null when the actor was in no quarantine.
   */
  replay(actorId: string): Promise<Outcome | 'lifted' | null>;
  readiness(): Readiness;
}
