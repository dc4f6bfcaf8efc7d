import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startServerUnderTest();
});
afterAll(async () => server.close());

test('a machine is JSON with its states and events unless told', async () => {
  const answer = await server.as('viewer', { url: '/v1/machines/task' });
  expect(answer.headers['content-type']).toContain('application/json');
  const machine = answer.json<{ name: string; events: { type: string }[] }>();
  expect(machine.name).toBe('task');
  expect(machine.events.map(({ type }) => type)).toContain('task.claim');
});

test.each([
  { url: '/v1/machines/task?format=mermaid' },
  { url: '/v1/machines/task', headers: { accept: 'text/vnd.mermaid' } },
])('a machine is a Mermaid diagram when asked for by %j', async (request) => {
  const answer = await server.as('viewer', request);
  expect(answer.headers['content-type']).toBe('text/vnd.mermaid; charset=utf-8');
  expect(answer.body).toMatch(/^stateDiagram-v2\n/);
  expect(answer.body).toContain('pending_review');
});
