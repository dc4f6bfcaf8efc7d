import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/fixtures/**'],
    globalSetup: ['test/support/global-setup.ts'],
    // Tests kill processes and own connections: one process for each file. Each waits for others a quarter of its time, so that three
    // keep two cores busy.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A second is not much on a machine that does something else as well.
    expect: { poll: { timeout: 20_000 } },
    // A port, a pool or a child left behind shows up as a run that does not end.
    teardownTimeout: 20_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
