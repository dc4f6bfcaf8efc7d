import { v5 } from 'uuid';

import type { Sender } from './definition.ts';
import type { JsonObject } from './json.ts';

/** The row an internal event consumes when it is applied. */
export type Origin =
  | {
      readonly kind: 'effect';
      readonly effectId: string;
      readonly attempt: number;
      readonly invokeId: string;
    }
  | { readonly kind: 'timer'; readonly timerId: string; readonly armedSeq: number }
  | {
      readonly kind: 'message';
      readonly messageId: string;
      readonly fromId: string;
      readonly seq: number;
      readonly place: number;
    }
  /** A rejected internal event that an operator replays; `of` is where it came from. */
  | { readonly kind: 'quarantine'; readonly quarantineId: string; readonly of: Origin | null };

/** An event on its way to an actor, already validated. */
export interface Incoming {
  readonly id: string;
  readonly event: JsonObject & { readonly type: string };
  readonly sender: Sender;
  readonly principal: string;
  readonly ifVersion?: number;
  readonly origin: Origin | null;
  /** Found at the door of an internal event: its schema does not take it. */
  readonly fault?: string;
}

/** An effect's result has one id however often it runs, so that the journal takes only one. */
export function effectResultId(effectId: string): string {
  return v5('result', effectId);
}

/** One id per arming of a timer. */
export function timerEventId(actorId: string, timerId: string, armedSeq: number): string {
  return v5(`timer/${armedSeq}/${timerId}`, actorId);
}

/** The origin behind a replay: what the state must still be waiting for. */
export function rootOrigin(origin: Origin | null): Exclude<Origin, { kind: 'quarantine' }> | null {
  return origin?.kind === 'quarantine' ? rootOrigin(origin.of) : origin;
}
