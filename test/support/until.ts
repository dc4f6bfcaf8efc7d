import { setTimeout as pause } from 'node:timers/promises';

/** Longer than anything a test waits for on a busy machine, shorter than the test's own limit. */
const LIMIT_MS = 60_000;

/** Looking costs as much as what is waited for may need: the longer it takes, the less often. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 200;

/**
 * Waits until `fact` gives something other than null, undefined or false, and gives that. What it throws is asked again as well.
 * `news`, asked for before each look, settles when it is worth while to look again.
 */
export async function until<T>(
  what: string,
  fact: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { news, limitMs = LIMIT_MS }: { news?: () => Promise<void>; limitMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.4, LONGEST_PAUSE_MS)) {
    const changed = news?.();
    let cause: Error | undefined;
    try {
      const found = await fact();
      if (found !== null && found !== undefined && found !== false) return found;
    } catch (error) {
      cause = error instanceof Error ? error : new Error(String(error));
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${limitMs} ms for ${what}${cause === undefined ? '' : `: ${cause.message}`}`, {
        cause,
      });
    await (changed ?? pause(pauseMs));
  }
}
