import { expect, test } from 'vitest';
import { Driver } from './driver.ts';
import { eventsOf, keepEvidence } from './evidence.ts';
import { HAPPENINGS } from './happenings.ts';
import { type History, tally } from './history.ts';
import { readOptions } from './options.ts';

const { seeds, steps, keep, wantsAll } = readOptions(process.env);
/** Many times what it takes when nobody else is there. */
const TIMEOUT_MS = 240_000 + steps * 1_500;

const histories: History[] = [];

test.each(seeds)(
  'whatever people, agents and kills do, nothing is lost, and every initiative is settled or says what it waits for (seed %i)',
  { timeout: TIMEOUT_MS },
  async (seed) => {
    console.log(`seed ${seed}, ${steps} steps; again: npm run property -- --seed ${seed} --steps ${steps}`);
    const driver = await Driver.make(seed, steps);
    histories.push(driver.history);
    try {
      await driver.run();
      console.log(`seed ${seed} is over: ${driver.history.lastStep}`);
    } catch (error) {
      const events = await eventsOf(driver.world, 60).catch(String);
      if (keep !== null) await keepEvidence(driver.world, driver.history, `${keep}/${seed}`);
      console.error(
        `the last events:\n${events}\n\nthe last steps:\n${driver.history.lastSteps}\n\nseed ${seed} failed: ${String(error)}\nagain: npm run property -- --seed ${seed} --steps ${steps}`,
      );
      throw error;
    } finally {
      await driver.end();
    }
  },
);

test('what a run is made to meet has happened', () => {
  const counts = tally(histories);
  console.log([...counts].map(([kind, count]) => `${String(count).padStart(6)}  ${kind}`).join('\n'));
  expect(counts.get('submit: accepted')).toBeGreaterThan(0);
  if (wantsAll) expect(HAPPENINGS.filter((kind) => !counts.has(kind))).toEqual([]);
});
