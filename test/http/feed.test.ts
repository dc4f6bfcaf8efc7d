import type { JournalFeed } from '../../src/services/contracts.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startOwnServer, type OwnTestServer } from '../support/database.ts';
import { openEventSource } from './event-source.ts';
import { expectProblem } from './problem-of.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';
import { startTinyRuntime, type TinyRuntime } from './tiny-runtime.ts';

/** A server of its own: the feed waits for older transactions of any database, so others would hold it back. */
let postgres: OwnTestServer;
let server: ServerUnderTest;
let tiny: TinyRuntime;
let address: string;
let feed: HeldFeed;

/** The feed, which reads when it is let. */
class HeldFeed implements JournalFeed {
  asked = 0;
  gate: Promise<void> = Promise.resolve();
  readonly #feed: JournalFeed;
  readonly subscribe: JournalFeed['subscribe'];
  readonly lag: JournalFeed['lag'];

  constructor(real: JournalFeed) {
    this.#feed = real;
    this.subscribe = real.subscribe.bind(real);
    this.lag = real.lag.bind(real);
  }

  async read(query: Parameters<JournalFeed['read']>[0]) {
    this.asked += 1;
    await this.gate;
    return this.#feed.read(query);
  }
}

beforeAll(async () => {
  postgres = await startOwnServer();
});
afterAll(async () => postgres.close());

beforeEach(async () => {
  const database = await postgres.createDatabase();
  tiny = await startTinyRuntime(database.sql);
  feed = new HeldFeed(tiny.runtime.feed);
  server = await startServerUnderTest({ feed }, { keepAliveMs: 200, maxStreams: 3 }, database);
  address = await server.app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  await server.app.close();
  await tiny.runtime.stop();
  await server.database.close();
});

const open = (query = '', headers: Record<string, string> = {}) =>
  openEventSource(`${address}/v1/journal/stream${query}`, {
    authorization: `Bearer ${server.tokens.viewer}`,
    ...headers,
  });

describe('the stream of the journal', () => {
  test('says hello before anything has happened', async () => {
    const stream = await open();
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await stream.next()).toEqual({
      event: 'hello',
      id: null,
      data: { after: null, initiative: null },
    });
    stream.close();
  });

  test('begins with the first entry and goes on with what happens', async () => {
    const id = await tiny.born();
    const stream = await open();
    await stream.next();
    expect(await stream.next()).toMatchObject({
      event: 'journal',
      data: { actorId: id, seq: 1, type: 'actor.created' },
    });
    await tiny.post(id, 'work.start', { title: 'go' });
    const started = await stream.next();
    expect(started.data).toMatchObject({
      actorId: id,
      seq: 2,
      type: 'work.start',
      state: 'running',
      tags: ['busy'],
      outcome: 'accepted',
    });
    expect(started.id).toBe((started.data as { cursor: string }).cursor);
    stream.close();
  });

  test('goes on right after Last-Event-ID, and after the cursor in the address', async () => {
    const id = await tiny.born();
    for (const type of ['work.start', 'work.stop'] as const)
      await tiny.post(id, type, type === 'work.start' ? { title: 'x' } : {});
    const first = await open();
    const seen = [await first.next(), await first.next(), await first.next()].map(({ id: place }) => place);
    first.close();
    for (const again of [
      await open('', { 'last-event-id': String(seen[1]) }),
      await open(`?after=${seen[1]}`),
    ]) {
      await again.next();
      expect((await again.next()).data).toMatchObject({ seq: 2, type: 'work.start' });
      expect((await again.next()).data).toMatchObject({ seq: 3, type: 'work.stop' });
      again.close();
    }
  });

  test('shows one initiative alone when asked to', async () => {
    const [wanted, other] = [await tiny.born(), await tiny.born()];
    const stream = await open(`?initiative=${wanted}`);
    await stream.next();
    await tiny.post(other, 'work.start', { title: 'other' });
    await tiny.post(wanted, 'work.start', { title: 'wanted' });
    expect((await stream.next()).data).toMatchObject({ actorId: wanted, seq: 1 });
    expect((await stream.next()).data).toMatchObject({ actorId: wanted, seq: 2 });
    stream.close();
  });

  test('stays alive in silence', async () => {
    const stream = await open();
    await stream.next();
    await stream.comment();
    stream.close();
  });

  test('refuses a cursor that nobody gave out, before it begins', async () => {
    for (const [query, headers] of [
      ['?after=nonsense', {}],
      ['', { 'last-event-id': 'nonsense' }],
    ] as const) {
      const stream = await open(query, headers);
      expect(stream.response.status).toBe(400);
      expect(await stream.response.json()).toMatchObject({ code: 'invalid_cursor' });
    }
    expectProblem(await server.as('viewer', { url: '/v1/journal?after=nonsense' }), 'invalid_cursor');
  });

  test('ends when its token is deleted', async () => {
    const { token, id } = (
      await server.as('admin', {
        method: 'POST',
        url: '/v1/tokens',
        payload: { name: 'short', scope: 'viewer' },
      })
    ).json<{ token: string; id: string }>();
    const stream = await open('', { authorization: `Bearer ${token}` });
    await stream.next();
    await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${id}` });
    await stream.ended();
  });

  test('ends when the server closes, which does not wait for it', async () => {
    const stream = await open();
    await stream.next();
    const begun = performance.now();
    await server.app.close();
    await stream.ended();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('is refused with too_many_streams beyond the limit, and a closed one makes room', async () => {
    const streams = [await open(), await open(), await open()];
    const refused = await open();
    expect([refused.response.status, await refused.response.json()]).toMatchObject([
      503,
      { code: 'too_many_streams' },
    ]);
    streams[0]?.close();
    await expect
      .poll(async () => {
        const stream = await open();
        streams.push(stream);
        return stream.response.status;
      })
      .toBe(200);
    for (const stream of streams) stream.close();
  });

  test('has no place for readers that left while their place was looked up', async () => {
    await tiny.born();
    const { next } = (await server.as('viewer', { url: '/v1/journal' })).json<{ next: string }>();
    const gone = new AbortController();
    const held = Promise.withResolvers<void>();
    feed.gate = held.promise;
    feed.asked = 0;
    const headers = { authorization: `Bearer ${server.tokens.viewer}` };
    const left = [1, 2, 3].map(() =>
      fetch(`${address}/v1/journal/stream?after=${next}`, { headers, signal: gone.signal }).catch(
        () => 'gone',
      ),
    );
    await expect.poll(() => feed.asked, { timeout: 10_000 }).toBe(3);
    gone.abort();
    expect(await Promise.all(left)).toEqual(['gone', 'gone', 'gone']);
    const connections = () => {
      // Those of earlier answers, which the client keeps for its next request.
      server.app.server.closeIdleConnections();
      return new Promise((resolve) => server.app.server.getConnections((_error, count) => resolve(count)));
    };
    await expect.poll(connections, { timeout: 10_000 }).toBe(0);
    held.resolve();
    await expect
      .poll(
        async () => {
          const stream = await open();
          stream.close();
          return stream.response.status;
        },
        { timeout: 10_000 },
      )
      .toBe(200);
  });

  test('has no HEAD, which would wait for its end', async () => {
    const answer = await server.as('viewer', {
      method: 'HEAD',
      url: '/v1/journal/stream',
      payloadAsStream: true,
    });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET']);
  });
});

test('pages of the feed continue each other and end in the same place', async () => {
  const id = await tiny.born();
  await tiny.post(id, 'work.start', { title: 'x' });
  const first = (await server.as('viewer', { url: '/v1/journal?limit=1' })).json<{
    entries: { seq: number }[];
    next: string;
  }>();
  const second = (
    await server.as('viewer', { url: `/v1/journal?limit=5&initiative=${id}&after=${first.next}` })
  ).json<typeof first>();
  expect([first, second].map(({ entries }) => entries.map(({ seq }) => seq))).toEqual([[1], [2]]);
  const third = (await server.as('viewer', { url: `/v1/journal?after=${second.next}` })).json<typeof first>();
  expect(third).toEqual({ entries: [], next: second.next });
});
