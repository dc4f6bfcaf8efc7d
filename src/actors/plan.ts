import type { StateValue } from 'xstate';

import type { Sender } from './definition.ts';
import type { Origin } from './incoming.ts';
import type { JsonObject } from './json.ts';

/** The answer that is remembered with a journal entry. */
export interface Answer {
  readonly state: StateValue;
  readonly tags: string[];
  readonly next: string[];
  readonly reason?: string;
}

export interface PlannedEntry {
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
  readonly answer: Answer;
  readonly effectId: string | null;
  readonly origin: Origin | null;
}

export interface PlannedActor {
  readonly id: string;
  readonly machine: string;
  readonly machineVersion: number;
  readonly version: number;
  readonly status: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly snapshot: JsonObject;
}

export interface PlannedEffect {
  readonly id: string;
  readonly actorId: string;
  readonly rootId: string;
  readonly invokeId: string;
  readonly kind: string;
  readonly input: JsonObject;
}

export interface ArmedTimer {
  readonly actorId: string;
  readonly timerId: string;
  readonly armedSeq: number;
}

export interface PlannedTimer extends ArmedTimer {
  readonly rootId: string;
  readonly delayMs: number;
  readonly event: JsonObject;
}

export interface PlannedMessage {
  readonly id: string;
  readonly fromId: string;
  readonly toId: string;
  readonly rootId: string;
  readonly seq: number;
  readonly place: number;
  readonly event: JsonObject;
}

/** A row for a row writer, with what the runtime adds to the action's parameters. */
export interface PlannedRow {
  readonly writer: string;
  readonly actorId: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly seq: number;
  readonly childId: string | null;
  readonly effectId: string | null;
  readonly params: JsonObject;
}

export interface PlannedQuarantine {
  readonly id: string;
  readonly actorId: string;
  readonly rootId: string;
  readonly reason: string;
  readonly input: JsonObject | null;
}

/** What a turn does, in the order it happened; netted before it becomes SQL. */
export type Operation =
  | { readonly op: 'entry'; readonly entry: PlannedEntry }
  | { readonly op: 'born'; readonly actor: PlannedActor }
  | { readonly op: 'start'; readonly effect: PlannedEffect }
  | { readonly op: 'cancel'; readonly effectId: string }
  | { readonly op: 'arm'; readonly timer: PlannedTimer }
  | { readonly op: 'disarm'; readonly timer: ArmedTimer }
  | { readonly op: 'tell'; readonly message: PlannedMessage }
  | { readonly op: 'write'; readonly row: PlannedRow }
  | { readonly op: 'quarantine'; readonly quarantine: PlannedQuarantine };

/** The rows of one commit after netting: no two of them touch the same row of a table. */
export interface Plan {
  readonly entries: readonly PlannedEntry[];
  readonly born: readonly PlannedActor[];
  readonly effects: readonly PlannedEffect[];
  readonly canceledEffects: readonly string[];
  readonly timers: readonly PlannedTimer[];
  readonly disarmedTimers: readonly ArmedTimer[];
  readonly messages: readonly PlannedMessage[];
  readonly rows: readonly PlannedRow[];
  readonly quarantines: readonly PlannedQuarantine[];
}
