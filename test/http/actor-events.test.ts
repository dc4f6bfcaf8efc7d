import { randomUUID } from 'node:crypto';
import { v5 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProblem } from './problem-of.ts';
import { INITIATIVE, PHASE, TASK } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startServerUnderTest();
});
afterAll(async () => server.close());

const send = (
  headers: Record<string, string> = {},
  payload: object = { type: 'task.rename', title: 'New' },
  url = `/v1/tasks/${TASK}/events`,
) => server.as('operator', { method: 'POST', url, payload, headers });
const lastSent = () => server.services.sent.at(-1);

describe('an event', () => {
  test('reaches the actor with its payload beside its type, and the sender', async () => {
    const answer = await send();
    expect(answer.statusCode).toBe(200);
    expect(lastSent()).toMatchObject({
      kind: 'task',
      id: TASK,
      event: { type: 'task.rename', payload: { title: 'New' }, ifVersion: null },
      principal: { scope: 'operator' },
    });
    expect(answer.json()).toMatchObject({
      outcome: 'accepted',
      version: 8,
      eventId: lastSent()?.event.eventId,
    });
  });

  test('with a key has an id made of actor, principal and key: the same again for a repetition', async () => {
    const first = await send({ 'idempotency-key': 'rename-1' });
    const principal = lastSent()?.principal;
    expect(first.json()).toMatchObject({
      idempotent: true,
      eventId: v5(`${principal?.tokenId} rename-1`, TASK),
    });
    const second = await send({ 'idempotency-key': 'rename-1' });
    expect(second.json<{ eventId: string }>().eventId).toBe(first.json<{ eventId: string }>().eventId);
  });

  test('with a key has another id for another key, actor or principal', async () => {
    const ids = new Set<string>();
    const note = (answer: Awaited<ReturnType<typeof send>>) =>
      ids.add(answer.json<{ eventId: string }>().eventId);
    note(await send({ 'idempotency-key': 'k' }));
    note(await send({ 'idempotency-key': 'k2' }));
    note(await send({ 'idempotency-key': 'k' }, { type: 'phase.retry' }, `/v1/phases/${PHASE}/events`));
    note(
      await server.as('admin', {
        method: 'POST',
        url: `/v1/tasks/${TASK}/events`,
        payload: { type: 'task.retry' },
        headers: { 'idempotency-key': 'k' },
      }),
    );
    expect(ids.size).toBe(4);
  });

  test('without a key is a new event each time, and the answer says so', async () => {
    const [first, second] = [await send(), await send()].map((answer) =>
      answer.json<{ eventId: string; idempotent: boolean }>(),
    );
    expect(first?.idempotent).toBe(false);
    expect(first?.eventId).not.toBe(second?.eventId);
  });

  test('for an unknown actor is refused with the code of its kind', async () => {
    for (const [path, code] of [
      ['initiatives', 'unknown_initiative'],
      ['phases', 'unknown_phase'],
      ['tasks', 'unknown_task'],
    ] as const) {
      expectProblem(await send({}, { type: 'x' }, `/v1/${path}/${randomUUID()}/events`), code);
    }
  });

  test('needs a type', async () => {
    expectProblem(await send({}, { title: 'New' }), 'invalid_request');
  });
});

describe('If-Match', () => {
  test('hands the version that was seen to the actor, and the answer has the new one as ETag', async () => {
    const seen = await server.as('operator', { url: `/v1/tasks/${TASK}` });
    expect(seen.headers.etag).toBe('"7"');
    const answer = await send({ 'if-match': String(seen.headers.etag) });
    expect(lastSent()?.event.ifVersion).toBe(7);
    expect(answer.headers.etag).toBe('"8"');
  });

  test('of * asks for no version', async () => {
    await send({ 'if-match': '*' });
    expect(lastSent()?.event.ifVersion).toBeNull();
  });

  test('with a weak or foreign tag is stale, and nothing is sent', async () => {
    const before = server.services.sent.length;
    for (const tag of ['W/"7"', '"abc"']) expectProblem(await send({ 'if-match': tag }), 'stale_version');
    expect(server.services.sent).toHaveLength(before);
  });

  test('that is no entity tag is refused with invalid_request', async () => {
    for (const tag of ['7', '"7", "8"', 'x'])
      expectProblem(await send({ 'if-match': tag }), 'invalid_request');
  });
});

test('initiative, phase, task and review answer with their version as ETag', async () => {
  for (const url of [
    `/v1/initiatives/${INITIATIVE}`,
    `/v1/phases/${PHASE}`,
    `/v1/tasks/${TASK}`,
    `/v1/phases/${PHASE}/review`,
  ]) {
    const answer = await server.as('viewer', { url });
    expect([answer.statusCode, answer.headers.etag]).toEqual([200, '"7"']);
  }
});
