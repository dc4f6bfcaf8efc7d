import { describe, expect, test } from 'vitest';
import { repeatRuns } from '../../src/demo/repeat-runs.ts';

async function repeated(repeat: number, results: readonly boolean[], interruptAfter = Infinity) {
  const seeds: number[] = [];
  const said: string[] = [];
  const interrupted = new AbortController();
  const code = await repeatRuns({
    seed: 7,
    repeat,
    signal: interrupted.signal,
    run: async (seed) => {
      seeds.push(seed);
      if (seeds.length === interruptAfter) interrupted.abort();
      return results[seeds.length - 1] ?? false;
    },
    say: (line) => said.push(line),
  });
  return { code, seeds, said };
}

describe('repeated runs', () => {
  test('have one seed after the other and end with 0 when all passed', async () => {
    expect(await repeated(3, [true, true, true])).toEqual({
      code: 0,
      seeds: [7, 8, 9],
      said: ['3 of 3 runs passed'],
    });
  });

  test('go on after a run that failed, and end with 1', async () => {
    expect(await repeated(3, [true, false, true])).toEqual({
      code: 1,
      seeds: [7, 8, 9],
      said: ['2 of 3 runs passed'],
    });
  });

  test('end with 130 when the user ends them, and count only the runs there were', async () => {
    expect(await repeated(9, [true, false], 2)).toEqual({
      code: 130,
      seeds: [7, 8],
      said: ['1 of 2 runs passed'],
    });
  });

  test('say nothing of a single run', async () => {
    expect(await repeated(1, [true])).toEqual({ code: 0, seeds: [7], said: [] });
    expect(await repeated(1, [false])).toEqual({ code: 1, seeds: [7], said: [] });
  });
});
