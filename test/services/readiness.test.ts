import { afterEach, beforeEach, expect, it } from 'vitest';

import type { Readiness as RuntimeReadiness } from '../../src/actors/runtime.ts';
import { ReadinessMonitor } from '../../src/services/readiness.ts';
import type { TestDatabase } from '../support/database.ts';
import { createTestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.close());

const fine: RuntimeReadiness = {
  ready: true,
  live: 1,
  toUpgrade: 0,
  quarantined: 0,
  outage: false,
  commitFailure: null,
  lastOutageEndedAt: null,
};

async function read(runtime: RuntimeReadiness) {
  const monitor = new ReadinessMonitor({
    sql: database.sql,
    hub: { sweep: async () => ({ ok: true, lockedRefs: [], reason: null }) },
    runtime: () => ({ readiness: () => runtime }),
    serverTrouble: () => null,
  });
  await monitor.start();
  await monitor.stop();
  const report = await monitor.read();
  return { ...report, database: report.checks.find(({ name }) => name === 'database') };
}

it('is ready when the database answers and writes', async () => {
  expect(await read(fine)).toMatchObject({ ready: true, database: { detail: 'answers and writes' } });
});

it('is not ready while commits find no room, though the database answers, and keeps the words of the server in the cause', async () => {
  const commitFailure = {
    since: new Date('2026-01-02T03:04:05Z'),
    sqlstate: '53100',
    message: 'could not extend file "base/1/2"',
  };
  expect(await read({ ...fine, ready: false, commitFailure })).toMatchObject({
    ready: false,
    database: {
      ready: false,
      detail: 'answers, but has written no event since 2026-01-02T03:04:05.000Z: they wait',
      cause: '53100 could not extend file "base/1/2"',
    },
  });
});
