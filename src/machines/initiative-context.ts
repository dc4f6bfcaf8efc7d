import type { TellParams } from './outbox.ts';
import type { Failure, ReviewMode } from './payloads.ts';

/** How often a revert is planned, because a remote has moved or had more to take back, before a person is asked. */
export const MAX_REVERTS = 5;

/** What an initiative is created with. */
export interface InitiativeInput {
  readonly mode: ReviewMode;
  /** How many phases may run at once. */
  readonly phaseLimit: number;
  /** How many phases (1 to this number) are created together with the initiative. */
  readonly phases: number;
  readonly maxAttempts: number;
  readonly maxRounds: number;
  /** How many merge tasks, or phases, are made for one conflict before a person is asked. */
  readonly maxConflicts: number;
  /** Start without being told to. */
  readonly autostart: boolean;
}

/** What an initiative remembers; everything longer is in tables. */
export interface InitiativeContext {
  readonly mode: ReviewMode;
  readonly phaseLimit: number;
  readonly maxAttempts: number;
  readonly maxRounds: number;
  readonly maxConflicts: number;
  readonly autostart: boolean;
  /** The ordinal of the next phase. */
  readonly next: number;
  readonly settled: number;
  readonly stuck: number;
  /** Phases that hold a slot. */
  readonly active: number;
  /** Ordinals of the phases that asked for a slot, in the order of the plan. */
  readonly waiting: readonly number[];
  readonly paused: boolean;
  readonly round: number;
  /** Phases that were made to resolve a conflict with the default branches since the last retry by a person. */
  readonly conflicts: number;
  readonly heads: string | null;
  readonly approved: string | null;
  /** The plan by which a partial delivery is taken back; how often one was made since it was asked for. */
  readonly revert: string | null;
  readonly reverts: number;
  readonly cancelRequested: boolean;
  readonly failure: Failure | null;
}

export function initialInitiativeContext(input: InitiativeInput): InitiativeContext {
  return {
    mode: input.mode,
    phaseLimit: input.phaseLimit,
    maxAttempts: input.maxAttempts,
    maxRounds: input.maxRounds,
    maxConflicts: input.maxConflicts,
    autostart: input.autostart,
    next: input.phases + 1,
    settled: 0,
    stuck: 0,
    active: 0,
    waiting: [],
    paused: false,
    round: 1,
    conflicts: 0,
    heads: null,
    approved: null,
    revert: null,
    reverts: 0,
    cancelRequested: false,
    failure: null,
  };
}

/** The phases that get a slot now: the first in the order of the plan, as many as are free. */
export function grantable(context: InitiativeContext): readonly number[] {
  const free = Math.max(0, context.phaseLimit - context.active);
  return context.waiting.toSorted((a, b) => a - b).slice(0, free);
}

/** Tells those phases that they have a slot. */
export function grantTells(context: InitiativeContext): TellParams {
  return {
    many: grantable(context).map((child) => ({ to: { child }, event: { type: 'slot.granted' } })),
  };
}
