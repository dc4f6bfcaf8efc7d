import type { JsonObject, JsonValue } from './json.ts';

/** One run of a durable effect. `attempt` only ever grows: use it as the fencing token of what you write outside. */
export interface EffectRun {
  readonly effectId: string;
  readonly actorId: string;
  readonly rootId: string;
  readonly kind: string;
  readonly input: JsonObject;
  readonly attempt: number;
  /** Aborts when the lease is lost, the actor canceled the effect, the time is up or the service stops. */
  readonly signal: AbortSignal;
}

/** The body of an effect kind and its bounds. It may run more than once; its result is applied once. */
export interface EffectRegistration {
  readonly run: (run: EffectRun) => Promise<JsonValue>;
  /** Runs of this kind at a time in this process; 8 unless told. */
  readonly concurrency?: number;
  /** How long one run may take; 10 minutes unless told. */
  readonly timeoutMs?: number;
  /** Runs that may crash, time out or throw before the actor gets the error; 10 unless told. */
  readonly maxAttempts?: number;
  /**
   * True while a run has begun what only this effect can end. It is then tried again without end: no cap and no failure of the body
   * reaches the actor before it is over.
   */
  readonly mustFinish?: (effectId: string) => Promise<boolean>;
  /**
   * What the runs have come to when all of them crashed, timed out or died with their process: the result that the actor is told, or
   * null for the error.
   */
  readonly whenSpent?: (effectId: string, error: JsonObject) => Promise<JsonValue>;
}

/** A permanent failure: no retry, the actor gets `xstate.error.actor.<id>` with code, message and details. */
export class EffectFailure extends Error {
  readonly code: string;
  readonly details: JsonObject | undefined;

  constructor(code: string, message: string, details?: JsonObject, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EffectFailure';
    this.code = code;
    this.details = details;
  }
}

/** Not now: the effect runs again after the delay, and the wait costs no attempt. */
export class EffectRetryLater extends Error {
  readonly delayMs: number;
  readonly reason: string;

  constructor(delayMs: number, reason: string, options?: ErrorOptions) {
    super(`to be run again in ${delayMs} ms: ${reason}`, options);
    this.name = 'EffectRetryLater';
    this.delayMs = delayMs;
    this.reason = reason;
  }
}
