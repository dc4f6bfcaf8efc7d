import type { Failure } from './payloads.ts';

/** Reads the error of a failed effect; the runtime always gives code and message, an older snapshot may not. */
export function failureOf(error: unknown): Failure {
  if (typeof error === 'object' && error !== null) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return {
      code: typeof code === 'string' ? code : 'effect_failed',
      message: typeof message === 'string' ? message.slice(0, 500) : 'the effect failed',
    };
  }
  return { code: 'effect_failed', message: String(error).slice(0, 500) };
}
