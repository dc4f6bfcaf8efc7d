import type { AnyStateMachine } from 'xstate';

import type { JsonObject } from './json.ts';

/** Who may send an event. The last three are the runtime itself. */
export type Sender = 'admin' | 'operator' | 'reviewer' | 'agent' | 'service' | 'message' | 'timer' | 'effect';

/** One fault of a payload, as zod and others report it. */
export interface PayloadIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What the runtime needs of a schema library; every zod schema has this shape. */
export interface PayloadSchema {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: unknown }
    | { readonly success: false; readonly error: { readonly issues: readonly PayloadIssue[] } };
}

/** An event a machine may be told: the shape of its payload and who may send it. */
export interface EventSpec {
  /** Of the payload alone, without `type`. */
  readonly schema: PayloadSchema;
  readonly senders: readonly Sender[];
  readonly description: string;
}

/** Turns a persisted snapshot of version v into one of version v + 1; pure. */
export type SnapshotUpgrade = (snapshot: JsonObject) => JsonObject;

/** A machine and all that the runtime has to know about it. */
export interface ActorDefinition {
  readonly name: string;
  /** Raised whenever a persisted snapshot of the last release could not be read as it is. */
  readonly version: number;
  readonly machine: AnyStateMachine;
  readonly events: Readonly<Record<string, EventSpec>>;
  /** Keyed by the version they start from. */
  readonly upgrades: Readonly<Record<number, SnapshotUpgrade>>;
}
