import { defineConfig } from 'vitest/config';

/** Of the runtime of actors: everything that is computed without a database, a clock or a timer. */
const pureActors = [
  'action-operations',
  'address',
  'answer',
  'birth',
  'door',
  'incoming',
  'json',
  'netting',
  'next-events',
  'registry',
  'registry-check',
  'scope',
  'settle',
  'snapshot-codec',
  'step',
  'turn',
  'upgrade',
];

/** The parts without I/O: their tests need no database, and cover every line and branch of them. */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    include: ['test/machines/**/*.test.ts', 'test/actors/pure/**/*.test.ts'],
    // These wander everywhere, slowly when they are watched: what only they reach has no test yet that says what it is for.
    exclude: ['test/machines/family.test.ts', 'test/machines/no-dead-end.test.ts'],
    pool: 'forks',
    isolate: false,
    maxWorkers: 2,
    coverage: {
      enabled: true,
      provider: 'v8',
      include: ['src/machines/**/*.ts', ...pureActors.map((name) => `src/actors/${name}.ts`)],
      reporter: ['text-summary', ['text', { skipFull: true }]],
      thresholds: { 100: true },
    },
  },
});
