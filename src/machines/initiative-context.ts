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
  /**
   * Ordinals of phases in the order in which they get a slot: that of the plan, or what it was changed to. Those that have a place
   * and have not asked for a slot yet are negative.
   */
  readonly waiting: readonly number[];
  readonly paused: boolean;
  readonly round: number;
  /**
   * Phases that were made to resolve a conflict of a delivery with the default branches since the last one that landed, or the last
   * retry by a person.
   */
  readonly conflicts: number;
  /** The phase that was made to resolve one, until it is settled. */
  readonly resolver: number | null;
  readonly heads: string | null;
  readonly approved: string | null;
  /** The plan by which a partial delivery is taken back; how often one was made since it was asked for. */
  readonly revert: string | null;
  readonly reverts: number;
  readonly cancelRequested: boolean;
  /** A delivery has stopped halfway, and what it brought to remotes was not taken back since. */
  readonly brought: boolean;
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
    resolver: null,
    heads: null,
    approved: null,
    revert: null,
    reverts: 0,
    cancelRequested: false,
    brought: false,
    failure: null,
  };
}

/** The phases that get a slot now: the first that have asked for one, as many as are free. */
export function grantable(context: InitiativeContext): readonly number[] {
  const free = Math.max(0, context.phaseLimit - context.active);
  return context.waiting.filter((place) => place > 0).slice(0, free);
}

/** A phase asks: at the place it has, or before those that come after it in the plan and have none of their own. */
export function withRequest(waiting: readonly number[], ordinal: number): readonly number[] {
  if (waiting.includes(ordinal)) return waiting;
  if (waiting.includes(-ordinal)) return waiting.map((place) => (place === -ordinal ? ordinal : place));
  const before = waiting.findLastIndex((place) => Math.abs(place) < ordinal) + 1;
  return waiting.toSpliced(before, 0, ordinal);
}

/** It does not ask any more, and keeps its place should it ask again. */
export function withoutRequest(waiting: readonly number[], ordinal: number): readonly number[] {
  return waiting.map((place) => (place === ordinal ? -ordinal : place));
}

/** Takes a phase off that never needs a slot again. */
export function withoutPhase(waiting: readonly number[], ordinal: number): readonly number[] {
  return waiting.filter((place) => Math.abs(place) !== ordinal);
}

/** The new order; whoever has asked and is not named comes after those that are. */
export function inOrder(waiting: readonly number[], order: readonly number[]): readonly number[] {
  const named = [...new Set(order)];
  return [
    ...named.map((ordinal) => (waiting.includes(ordinal) ? ordinal : -ordinal)),
    ...waiting.filter((place) => place > 0 && !named.includes(place)),
  ];
}

/** Tells those phases that they have a slot. */
export function grantTells(context: InitiativeContext): TellParams {
  return {
    many: grantable(context).map((child) => ({ to: { child }, event: { type: 'slot.granted' } })),
  };
}
