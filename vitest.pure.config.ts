import { defineConfig } from 'vitest/config';

/** The parts without I/O: their tests need no database, and cover every line and branch of them. */
export default defineConfig({
  test: {
    include: ['test/machines/**/*.test.ts', 'test/actors/pure/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    coverage: {
      enabled: true,
      provider: 'v8',
      include: ['src/machines/**/*.ts', 'src/actors/step.ts', 'src/actors/netting.ts'],
      reporter: ['text-summary', ['text', { skipFull: true }]],
      thresholds: { 100: true },
    },
  },
});
