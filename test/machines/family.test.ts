import fc from 'fast-check';
import { expect, it } from 'vitest';
import { play } from './family/simulation.ts';

const RUNS = 2_000;
/** Seconds on a machine of its own; a minute where many others work beside it. */
const TIMEOUT_MS = 180_000;

it(
  'a family settles with counters that agree, however messages, effects, agents and people interleave',
  () => {
    const scenario = fc.record({
      seed: fc.nat(),
      mode: fc.constantFrom('yolo' as const, 'review_per_phase' as const),
      phaseLimit: fc.integer({ min: 1, max: 2 }),
      phases: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
      steps: fc.integer({ min: 0, max: 100 }),
      meddling: fc.constantFrom(0.05, 0.15, 0.3, 0.5),
      trouble: fc.constantFrom(undefined, undefined, 'conflict', 'partially_delivered'),
      conflicts: fc.integer({ min: 1, max: 3 }),
    });
    const seed = Date.now() % 1_000_000_007;
    console.info(`family: ${RUNS} interleavings of fast-check seed ${seed}`);
    let settled = 0;
    fc.assert(
      fc.property(scenario, (one) => {
        settled += [...play(one).family.members.values()].every(({ isSettled }) => isSettled) ? 1 : 0;
      }),
      { numRuns: RUNS, seed },
    );
    expect(settled).toBe(RUNS);
  },
  TIMEOUT_MS,
);
