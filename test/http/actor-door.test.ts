import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/services/shapes/token.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectProblem } from './problem-of.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';
import { startTinyRuntime, tinyTransitions, type TinyRuntime } from './tiny-runtime.ts';

let server: ServerUnderTest;
let tiny: TinyRuntime;
beforeAll(async () => {
  const database = await createTestDatabase();
  tiny = await startTinyRuntime(database.sql);
  server = await startServerUnderTest({ transitions: tinyTransitions(tiny.runtime) }, {}, database);
});
afterAll(async () => {
  await server.app.close();
  await tiny.runtime.stop();
  await server.database.close();
});

const send = (id: string, payload: object, headers: Record<string, string> = {}, scope: Scope = 'operator') =>
  server.as(scope, { method: 'POST', url: `/v1/initiatives/${id}/events`, payload, headers });
const journalOf = async (id: string) => (await tiny.runtime.journal(id)).map(({ type }) => type);
const start = { type: 'work.start', title: 'go' };
const stop = { type: 'work.stop' };

describe('the door of an actor, over the real runtime', () => {
  test('journals an accepted event under the principal of the token', async () => {
    const id = await tiny.born();
    const answer = await send(id, start);
    expect(answer.json()).toMatchObject({
      outcome: 'accepted',
      version: 2,
      state: 'running',
      tags: ['busy'],
      idempotent: false,
    });
    const [, entry] = await tiny.runtime.journal(id);
    expect(entry).toMatchObject({ eventId: answer.json<{ eventId: string }>().eventId, sender: 'operator' });
    expect(entry?.principal).toMatch(/^token:[0-9a-f-]{36}$/);
  });

  test('applies a repeated request with a key once and answers the same again, though the state moved on', async () => {
    const id = await tiny.born();
    const key = { 'idempotency-key': 'start-1' };
    const first = await send(id, start, key);
    await send(id, stop);
    const second = await send(id, start, key);
    expect(second.statusCode).toBe(200);
    expect(second.json()).toMatchObject({ ...first.json<object>(), outcome: 'duplicate' });
    expect(await journalOf(id)).toEqual(['actor.created', 'work.start', 'work.stop']);
  });

  test('refuses a stale If-Match with 412 and lets the right one through', async () => {
    const id = await tiny.born();
    const { etag } = (await send(id, start)).headers;
    expect(etag).toBe('"2"');
    const problem = expectProblem(await send(id, stop, { 'if-match': '"1"' }), 'stale_version');
    expect(problem.details).toMatchObject({ version: 2 });
    expect(await journalOf(id)).toEqual(['actor.created', 'work.start']);
    expect((await send(id, stop, { 'if-match': String(etag) })).statusCode).toBe(200);
  });

  test('refuses what the state does not take, an unknown event and a wrong payload, and writes nothing', async () => {
    const id = await tiny.born();
    expectProblem(await send(id, stop), 'not_enabled');
    expectProblem(await send(id, { type: 'work.dance' }), 'unknown_event');
    expectProblem(await send(id, { type: 'work.start' }), 'invalid_payload');
    expectProblem(await send(id, { ...start, extra: 1 }), 'invalid_payload');
    expectProblem(await send(id, { type: 'work.start', title: 'a\u0000b' }), 'invalid_payload');
    expect(await journalOf(id)).toEqual(['actor.created']);
  });

  test('refuses an event that the scope may not send, and events of the runtime from anybody', async () => {
    const id = await tiny.born();
    await send(id, start);
    expectProblem(await send(id, { type: 'work.judge' }), 'sender_not_allowed');
    expectProblem(await send(id, stop, {}, 'reviewer'), 'sender_not_allowed');
    expectProblem(await send(id, { type: 'xstate.done.actor.x', output: {} }, {}, 'admin'), 'unknown_event');
    expect((await send(id, { type: 'work.judge' }, {}, 'reviewer')).statusCode).toBe(200);
  });
});
