import { afterEach, expect, test } from 'vitest';
import type { Readiness } from '../../src/services/contracts.ts';
import { expectProblem } from './problem-of.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
afterEach(async () => server.close());

const ready: Readiness = {
  ready: true,
  checks: [{ name: 'database', ready: true, detail: 'answers' }],
  live: 3,
  toUpgrade: 1,
  quarantined: 0,
};
const ask = (url: string) => server.app.inject({ url, headers: { host: 'localhost' } });

test('/healthz answers without a token, whatever else is wrong', async () => {
  server = await startServerUnderTest({ readiness: async () => ({ ...ready, ready: false }) });
  const answer = await ask('/healthz');
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
});

test('/readyz says 200 with the counts when all is well', async () => {
  server = await startServerUnderTest({ readiness: async () => ready });
  const answer = await ask('/readyz');
  expect([answer.statusCode, answer.json()]).toEqual([200, ready]);
});

test('/readyz says 503 and who is not ready, and why', async () => {
  const report = {
    ...ready,
    ready: false,
    checks: [{ name: 'hub', ready: false, detail: 'the disk is full' }],
  };
  server = await startServerUnderTest({ readiness: async () => report });
  const answer = await ask('/readyz');
  expect([answer.statusCode, answer.json()]).toEqual([503, report]);
});

test('/readyz shows what the database said to those who may look, and to the log once', async () => {
  const cause = 'password authentication failed for user "signalbox"';
  const check = { name: 'database', ready: false, detail: 'does not answer, or can not write' };
  server = await startServerUnderTest({
    readiness: async () => ({ ...ready, ready: false, checks: [{ ...check, cause }] }),
  });
  expect((await ask('/readyz')).json<Readiness>().checks).toEqual([check]);
  expect((await server.as('agent', { url: '/readyz' })).json<Readiness>().checks).toEqual([check]);
  expect((await server.as('viewer', { url: '/readyz' })).json<Readiness>().checks).toEqual([
    { ...check, cause },
  ]);
  expect(server.log.filter((line) => line.includes('password authentication'))).toHaveLength(1);
});

test('/readyz says 503 when the database can not even be asked', async () => {
  server = await startServerUnderTest({
    readiness: async () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    },
  });
  const answer = await ask('/readyz');
  expect(answer.statusCode).toBe(503);
  expect(answer.json<Readiness>().checks).toEqual([
    { name: 'database', ready: false, detail: 'can not be reached' },
  ]);
});

test('/readyz does not take a fault of our own for an outage', async () => {
  server = await startServerUnderTest({
    readiness: async () => {
      throw new Error('a fault');
    },
  });
  expectProblem(await ask('/readyz'), 'internal_error');
});
