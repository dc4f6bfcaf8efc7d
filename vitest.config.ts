import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/support/slow-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/fixtures/**'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/after-each-file.ts'],
    // Tests own processes and connections, and block. Each waits for others now and then, so that three keep two cores busy. Loading the
    // service takes as long as many a test: a process keeps what it has loaded for its next file.
    pool: 'forks',
    isolate: false,
    sequence: { sequencer: SlowFirst },
    maxWorkers: 3,
    // A whole story on a busy machine: a service, git processes, agents.
    testTimeout: 90_000,
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
