import type { RuntimeClock } from './runtime.ts';

/** What production runs with. */
export const defaultClock: RuntimeClock = {
  // A worker that died is noticed after ten seconds; three renewals may fail before a living one is taken for dead.
  leaseMs: 10_000,
  renewMs: 3_000,
  heartbeatMs: 2_000,
  // As long as a lease: a shorter gap can not have cost anybody more than one.
  outageMs: 10_000,
  // Only what another process committed, or one that died, waits for a poll.
  pollMs: 500,
  notifyMs: 20,
  postTimeoutMs: 30_000,
  retryBaseMs: 200,
  retryCapMs: 30_000,
};

/** Exponential backoff with full jitter below the cap; `failures` starts at 1. */
export function backoffMs({ retryBaseMs, retryCapMs }: RuntimeClock, failures: number): number {
  const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling / 2 + (Math.random() * ceiling) / 2);
}
