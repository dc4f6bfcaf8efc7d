import type { Failure } from './payloads.ts';

/** Longest message that a context keeps; the journal has the rest. A context has to stay under 2 KB. */
const MAX_MESSAGE = 160;

/**
 * What went wrong, as a context may keep it: short, and free of what PostgreSQL can not store. Cutting a text can part a
 * surrogate pair, and one lone surrogate would fail the whole commit.
 */
export function failure(code: string, message: string): Failure {
  return { code, message: message.slice(0, MAX_MESSAGE).replaceAll('\u0000', ' ').toWellFormed() };
}

/** Reads the error of a failed effect; the runtime always gives code and message, an older snapshot may not. */
export function failureOf(error: unknown): Failure {
  if (typeof error !== 'object' || error === null) return failure('effect_failed', String(error));
  const { code, message } = error as { code?: unknown; message?: unknown };
  return failure(
    typeof code === 'string' ? code.slice(0, 64) : 'effect_failed',
    typeof message === 'string' ? message : 'the effect failed',
  );
}
