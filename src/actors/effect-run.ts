import { reasonOf } from './answer.ts';
import type { EffectRegistration, EffectRun } from './effects.ts';
import { EffectFailure, EffectRetryLater } from './effects.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { findUnstorableText } from './json.ts';

/** Why a run was told to stop. */
export type AbortCause = 'timeout' | 'lease_lost' | 'canceled' | 'stopping';

/** How one run ended. */
export type RunEnd =
  | { readonly end: 'done'; readonly output: JsonValue }
  | { readonly end: 'failed'; readonly error: JsonObject }
  | { readonly end: 'later'; readonly delayMs: number; readonly reason: string }
  | { readonly end: 'crashed'; readonly error: JsonObject }
  | { readonly end: 'aborted'; readonly cause: Exclude<AbortCause, 'timeout'> };

/** Runs a body once, within its time. It never throws: whatever the body throws becomes an end. */
export async function runOnce(
  registration: EffectRegistration,
  run: Omit<EffectRun, 'signal'>,
  control: AbortController,
  timeoutMs: number,
): Promise<RunEnd> {
  const timer = setTimeout(() => control.abort('timeout' satisfies AbortCause), timeoutMs);
  const stopped = Promise.withResolvers<never>();
  // A body that does not listen to its signal is left behind; its attempt is worth nothing any more.
  control.signal.addEventListener('abort', () => stopped.reject(new Error('aborted')));
  try {
    const body = (async () => registration.run({ ...run, signal: control.signal }))();
    const returned: unknown = await Promise.race([body, stopped.promise]);
    return outputOf(returned);
  } catch (thrown) {
    return endOf(thrown, control.signal, timeoutMs);
  } finally {
    clearTimeout(timer);
    stopped.promise.catch(() => undefined);
  }
}

function outputOf(returned: unknown): RunEnd {
  const output = JSON.parse(JSON.stringify(returned ?? null)) as JsonValue;
  const path = findUnstorableText(output);
  if (path === null) return { end: 'done', output };
  return {
    end: 'failed',
    error: { code: 'invalid_output', message: `the result holds text at ${path} that can not be stored` },
  };
}

function endOf(thrown: unknown, signal: AbortSignal, timeoutMs: number): RunEnd {
  if (signal.aborted && signal.reason !== 'timeout')
    return { end: 'aborted', cause: signal.reason as Exclude<AbortCause, 'timeout'> };
  if (signal.aborted)
    return { end: 'crashed', error: { code: 'effect_timeout', message: `took longer than ${timeoutMs} ms` } };
  if (thrown instanceof EffectRetryLater)
    return { end: 'later', delayMs: thrown.delayMs, reason: thrown.reason };
  if (!(thrown instanceof EffectFailure))
    return { end: 'crashed', error: { code: 'effect_crashed', message: reasonOf(thrown) } };
  const details =
    thrown.details === undefined || findUnstorableText(thrown.details) !== null
      ? {}
      : { details: thrown.details };
  return { end: 'failed', error: { code: thrown.code, message: reasonOf(thrown), ...details } };
}
