import { once } from 'node:events';
import {
  createWebSocketReceiver,
  type StatelyActorEvent,
  type StatelyInspectionEvent,
} from '@statelyai/inspect';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { childId } from '../../src/actors/address.ts';
import { Refusal } from '../../src/errors.ts';
import { MachineCatalog } from '../../src/services/machine-catalog.ts';
import { startOwnServer, type OwnTestServer } from '../support/database.ts';
import { expectProblem } from './problem-of.ts';
import { sampleServices, tree } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';
import { startTinyRuntime, tinyDefinitions, type TinyRuntime } from './tiny-runtime.ts';

let postgres: OwnTestServer;
let server: ServerUnderTest;
let tiny: TinyRuntime;
let address: string;

beforeAll(async () => {
  postgres = await startOwnServer();
});
afterAll(async () => postgres.close());

beforeEach(async () => {
  const database = await postgres.createDatabase();
  tiny = await startTinyRuntime(database.sql);
  const { runtime } = tiny;
  const { reads } = sampleServices();
  server = await startServerUnderTest(
    {
      feed: runtime.feed,
      actors: runtime,
      machines: new MachineCatalog(tinyDefinitions),
      reads: {
        ...reads,
        initiative: async (id) => {
          if ((await runtime.peek(id)) === null)
            throw new Refusal('unknown_initiative', 'no such initiative');
          return tree;
        },
      },
    },
    { publicUrl: () => address, keepAliveMs: 50, maxStreams: 2 },
    database,
  );
  address = await server.app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  await server.app.close();
  await tiny.runtime.stop();
  await server.database.close();
});

async function ticketFor(initiative: string): Promise<{ ticket: string; url: string }> {
  const answer = await server.as('viewer', {
    method: 'POST',
    url: '/v1/inspect/tickets',
    payload: { initiative },
  });
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

/** What the inspector package itself receives. */
async function receive(initiative: string): Promise<StatelyInspectionEvent[]> {
  const received: StatelyInspectionEvent[] = [];
  const { url } = await ticketFor(initiative);
  createWebSocketReceiver({ server: url }).subscribe((event) => received.push(event));
  return received;
}

const brief = (event: StatelyInspectionEvent) => {
  if (event.type === '@xstate.event') return `event ${event.event.type}`;
  return `${event.type === '@xstate.actor' ? `actor ${event.name}` : 'snapshot'} ${String((event.snapshot as { value?: unknown }).value)}`;
};

describe("the inspector package's own receiver", () => {
  test('gets an actor with its definition and newest snapshot, then what happens', async () => {
    const root = await tiny.born();
    await tiny.post(root, 'work.start', { title: 'go' });
    const received = await receive(root);
    await expect.poll(() => received.map(brief)).toEqual(['actor initiative running']);
    const [actor] = received as [StatelyActorEvent];
    expect(actor).toMatchObject({ sessionId: root, rootId: root, _version: '0.7.2' });
    expect(JSON.parse(actor.definition ?? '')).toMatchObject({
      initial: 'resting',
      states: { running: { tags: ['busy'] } },
    });
    await tiny.post(root, 'work.stop');
    await expect
      .poll(() => received.map(brief))
      .toEqual(['actor initiative running', 'event work.stop', 'snapshot resting']);
    expect(received[1]).toMatchObject({ sessionId: root, rootId: root });
  });

  test('gets parents before children, also when it comes late, and children born under its eyes', async () => {
    const root = await tiny.born();
    await tiny.post(root, 'work.split');
    await tiny.post(childId(root, 1), 'work.split');
    await tiny.post(childId(root, 1), 'work.start', { title: 'x' });
    const received = await receive(root);
    const family = [root, childId(root, 1), childId(childId(root, 1), 1)];
    await expect.poll(() => received.map(({ sessionId }) => sessionId)).toEqual(family);
    expect((received as StatelyActorEvent[]).map(({ parentId }) => parentId)).toEqual([
      undefined,
      family[0],
      family[1],
    ]);
    expect(received.map(brief)).toEqual([
      'actor initiative resting',
      'actor task running',
      'actor task resting',
    ]);

    await tiny.post(root, 'work.split');
    const born = childId(root, 2);
    await tiny.post(born, 'work.start', { title: 'y' });
    await expect
      .poll(() => received.filter(({ sessionId }) => sessionId === born).map(brief))
      .toEqual(['actor task resting', 'event work.start', 'snapshot running']);
  });

  test('gets every change once, however many come while it joins', async () => {
    const root = await tiny.born();
    const busy = (async () => {
      for (let turn = 0; turn < 30; turn += 1) {
        await tiny.post(root, 'work.start', { title: String(turn) });
        await tiny.post(root, 'work.stop');
      }
    })();
    const received = await receive(root);
    await busy;
    await expect.poll(() => brief(received.at(-1) as StatelyInspectionEvent)).toBe('snapshot resting');
    await expect.poll(() => received.at(-1)?.id).toBe(`${root}:61`);
    const first = Number((received[0] as StatelyActorEvent).id.split(':')[1]);
    const told = received
      .filter(({ type }) => type === '@xstate.event')
      .map(({ id }) => Number(id.split(':')[1]));
    expect(told).toEqual(Array.from({ length: 61 - first }, (_, index) => first + 1 + index));
  });

  test('gets one initiative alone, and only what is allowed of context and payload', async () => {
    const [root, other] = [await tiny.born(), await tiny.born()];
    const received = await receive(root);
    await expect.poll(() => received.map(brief)).toEqual(['actor initiative resting']);
    await tiny.post(other, 'work.start', { title: 'of another' });
    await tiny.post(root, 'work.start', { title: 'what somebody wrote' });
    await expect.poll(() => received.length).toBe(3);
    expect(received[0]).toMatchObject({ snapshot: { context: { round: 1 } } });
    expect(JSON.stringify(received)).not.toMatch(/secret|somebody wrote|another/);
    expect(received.every(({ sessionId }) => sessionId === root)).toBe(true);
  });
});

describe('the ticket', () => {
  const connect = async (url: string, headers: Record<string, string> = {}): Promise<number> => {
    const socket = new WebSocket(url, { headers });
    const opened = once(socket, 'open').then(() => 101);
    const refused = once(socket, 'unexpected-response').then(
      ([, response]) => (response as { statusCode: number }).statusCode,
    );
    const status = await Promise.race([opened, refused]);
    opened.catch(() => undefined);
    refused.catch(() => undefined);
    socket.on('error', () => undefined);
    if (status === 101) socket.terminate();
    return status;
  };

  test('opens one connection and no second', async () => {
    const { url } = await ticketFor(await tiny.born());
    expect(await connect(url)).toBe(101);
    expect(await connect(url)).toBe(403);
  });

  test('opens nothing when its token was revoked meanwhile', async () => {
    const { url } = await ticketFor(await tiny.born());
    const listed = (await server.as('admin', { url: '/v1/tokens' })).json<{
      tokens: { id: string; scope: string }[];
    }>();
    const viewer = listed.tokens.find(({ scope }) => scope === 'viewer')?.id ?? '';
    expect((await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${viewer}` })).statusCode).toBe(
      204,
    );
    expect(await connect(url)).toBe(403);
  });

  test('is not spent when there are too many streams, which is said with 503', async () => {
    const root = await tiny.born();
    const sockets = [];
    for (const { url } of [await ticketFor(root), await ticketFor(root)]) {
      const socket = new WebSocket(url);
      await once(socket, 'message');
      sockets.push(socket);
    }
    const { url } = await ticketFor(root);
    expect(await connect(url)).toBe(503);
    sockets[0]?.terminate();
    await expect.poll(() => connect(url), { timeout: 10_000 }).toBe(101);
  });

  test('is over after a minute of database time', async () => {
    const { url, ticket } = await ticketFor(await tiny.born());
    await server.database.sql.query(
      `UPDATE inspect_ticket SET expires_at = db_now() - interval '1 millisecond'`,
    );
    expect(await connect(url)).toBe(403);
    const left = await server.database.sql.query('SELECT FROM inspect_ticket');
    expect(left.rowCount).toBe(0);
    expect(ticket.length).toBeGreaterThanOrEqual(43);
  });

  test('lasts for sixty seconds', async () => {
    await ticketFor(await tiny.born());
    const found = await server.database.sql.query<{ seconds: number }>(
      'SELECT extract(epoch FROM expires_at - db_now())::float8 AS seconds FROM inspect_ticket',
    );
    expect(found.rows[0]?.seconds).toBeGreaterThan(50);
    expect(found.rows[0]?.seconds).toBeLessThanOrEqual(60);
  });

  test('does not help a page of another origin', async () => {
    const { url } = await ticketFor(await tiny.born());
    expect(await connect(url, { origin: 'http://evil.example' })).toBe(403);
    expect(await connect(url, { origin: address })).toBe(101);
  });

  test('that is refused leaves no socket open', async () => {
    const { url } = await ticketFor(await tiny.born());
    await connect(url, { origin: 'http://evil.example' });
    await connect(`${url}x`);
    await connect(url, { host: 'evil.example' });
    const open = () =>
      new Promise((resolve) => server.app.server.getConnections((_error, count) => resolve(count)));
    await expect.poll(open).toBe(0);
  });

  test('is stored as a hash and never logged', async () => {
    const { url, ticket } = await ticketFor(await tiny.born());
    await connect(url);
    await ticketFor(await tiny.born());
    const rows = await server.database.sql.query<{ row: string }>(
      'SELECT t::text AS row FROM inspect_ticket t',
    );
    expect(rows.rows.map(({ row }) => row).join()).not.toContain(ticket);
    expect(server.log.join('')).not.toContain(ticket);
  });

  test('is not given out for an unknown initiative', async () => {
    const payload = { initiative: '77777777-7777-4777-8777-777777777777' };
    expectProblem(
      await server.as('viewer', { method: 'POST', url: '/v1/inspect/tickets', payload }),
      'unknown_initiative',
    );
  });
});

test('an unknown ticket is refused with invalid_ticket before the upgrade', async () => {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/v1/inspect?ticket=nonsense`);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode: number },
  ];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  expect([response.statusCode, (JSON.parse(body) as { code: string }).code]).toEqual([403, 'invalid_ticket']);
});

test('an open socket ends when the token that asked for its ticket is deleted', async () => {
  const { token, id } = (
    await server.as('admin', {
      method: 'POST',
      url: '/v1/tokens',
      payload: { name: 'short', scope: 'viewer' },
    })
  ).json<{ token: string; id: string }>();
  const { url } = (
    await server.as('viewer', {
      method: 'POST',
      url: '/v1/inspect/tickets',
      payload: { initiative: await tiny.born() },
      headers: { authorization: `Bearer ${token}` },
    })
  ).json<{ url: string }>();
  const socket = new WebSocket(url);
  await once(socket, 'message');
  await once(socket, 'ping');
  const closed = once(socket, 'close');
  await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${id}` });
  expect((await closed)[0]).toBe(1008);
});

test('open sockets end when the server closes, which does not wait for them', async () => {
  const { url } = await ticketFor(await tiny.born());
  const socket = new WebSocket(url);
  await once(socket, 'message');
  const begun = performance.now();
  const [closed] = await Promise.all([once(socket, 'close'), server.app.close()]);
  expect(closed[0]).toBe(1001);
  expect(performance.now() - begun).toBeLessThan(5_000);
});
