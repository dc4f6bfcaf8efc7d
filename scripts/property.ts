/**
 * `npm run property`: random plans, agents, reviewers and kills, for as long as one likes. `--steps <n>` are the random steps of a run (1,000), `--seeds <n>`
 * how many runs there are, each with a seed of its own (1), `--seed <n>` the first of them (otherwise a new one, which is printed),
 * `--keep <folder>` where a run that fails leaves its steps, journals, hub and remotes.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string', default: '1000' },
    keep: { type: 'string' },
  },
});

const first = Number(options.seed ?? randomInt(1_000_000));
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => first + index);
const child = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/property/property.test.ts'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      PROPERTY_SEEDS: seeds.join(','),
      PROPERTY_STEPS: options.steps,
      ...(options.keep === undefined ? {} : { PROPERTY_KEEP: options.keep }),
    },
  },
);
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
