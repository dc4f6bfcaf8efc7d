import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { Mailbox } from '../../../src/actors/mailbox.ts';
import type { Job, Leftover } from '../../../src/actors/pending.ts';
import { event } from '../support/harness.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const unknown = (jobs: readonly Job[]): Leftover[] => jobs.map((job) => ({ ...job, why: 'unknown' }));

it('tries again at once after a commit without an answer, however many actors were in it', async () => {
  let tries = 0;
  let settled = 0;
  const mailbox = new Mailbox({
    commit: async (jobs) => {
      tries += 1;
      if (tries === 2) return unknown(jobs);
      for (const { pendings } of jobs)
        for (const pending of pendings) pending.resolve({ outcome: 'dropped' });
      return [];
    },
    commitAlone: async (job) => unknown([job]),
  });
  // The first goes alone, the others are one batch behind it.
  for (let n = 0; n < 30; n += 1)
    void mailbox.put(`actor ${n}`, { posted: event('noop') }).then(() => (settled += 1));
  await vi.advanceTimersByTimeAsync(0);
  expect(settled).toBe(1);
  await vi.advanceTimersByTimeAsync(60);
  expect(settled).toBe(30);
});

it('asks a database that is away ever more rarely', async () => {
  let tries = 0;
  const mailbox = new Mailbox({
    commit: async (jobs) => {
      tries += 1;
      return unknown(jobs);
    },
    commitAlone: async (job) => unknown([job]),
  });
  void mailbox.put('actor', { posted: event('noop') });
  await vi.advanceTimersByTimeAsync(1_000);
  const early = tries;
  expect(early).toBeGreaterThan(4);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tries - early).toBeLessThan(25);
});
