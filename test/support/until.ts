import { vi } from 'vitest';

/** Longer than anything a test waits for on a busy machine, shorter than the test's own limit. */
const LIMIT_MS = 20_000;

/** Waits until `fact` gives something other than null, undefined or false, and gives that. What it throws is asked again as well. */
export async function until<T>(
  what: string,
  fact: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  return vi.waitFor(
    async () => {
      let found: T | null | undefined | false;
      try {
        found = await fact();
      } catch (error) {
        throw new Error(`waited ${LIMIT_MS} ms for ${what}: ${String(error)}`, { cause: error });
      }
      if (found === null || found === undefined || found === false) {
        throw new Error(`waited ${LIMIT_MS} ms for ${what}`);
      }
      return found;
    },
    { timeout: LIMIT_MS, interval: 50 },
  );
}
