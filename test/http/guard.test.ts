import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProblem } from './problem-of.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startServerUnderTest({}, { allowedOrigins: ['https://board.example'] });
});
afterAll(async () => server.close());

const read = (headers: Record<string, string>) => server.as('viewer', { url: '/v1/initiatives', headers });

describe('the Host header', () => {
  test.each(['localhost', 'LOCALHOST:4400', '127.0.0.1:80', '[::1]:4400'])('may be %s', async (host) => {
    expect((await read({ host })).statusCode).toBe(200);
  });

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:4400', '192.168.1.7'])(
    'is refused when it is "%s", with host_not_allowed',
    async (host) => {
      expectProblem(await read({ host }), 'host_not_allowed');
    },
  );

  test('is checked before the token and on addresses that do not exist', async () => {
    const answer = await server.app.inject({ url: '/nowhere', headers: { host: 'evil.example' } });
    expectProblem(answer, 'host_not_allowed');
  });
});

describe('on the wire', () => {
  let port: number;
  beforeAll(async () => {
    port = Number(new URL(await server.app.listen({ port: 0, host: '127.0.0.1' })).port);
  });

  /** All that is answered to a request with these headers; the server closes the connection after it. */
  async function readRaw(...headers: readonly string[]): Promise<string> {
    const closing = headers.some((line) => line.startsWith('Connection')) ? [] : ['Connection: close'];
    const socket = connect(port, '127.0.0.1');
    const authorization = `Authorization: Bearer ${server.tokens.viewer}`;
    socket.write(['GET /v1/projects HTTP/1.1', ...headers, ...closing, authorization, '', ''].join('\r\n'));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'close');
    return answer;
  }
  const problem = (status: number, code: string) =>
    new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json.*"code":"${code}"`, 's');

  test('a second Host header is refused with invalid_request, whichever comes first', async () => {
    for (const hosts of [
      ['Host: localhost', 'host: evil.example'],
      ['Host: evil.example', 'host: localhost'],
      ['Host: localhost', 'Host: localhost'],
    ])
      expect(await readRaw(...hosts)).toMatch(problem(400, 'invalid_request'));
  });

  test('an unknown expectation is no way past the checks, and is ignored', async () => {
    expect(await readRaw('Host: evil.example', 'Expect: x')).toMatch(problem(421, 'host_not_allowed'));
    expect(await readRaw('Host: localhost', 'Expect: x')).toMatch(/^HTTP\/1.1 200 .*"projects":/s);
  });

  test.each([
    ['h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    [
      'websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ],
  ])('a wish to speak %s at an ordinary address is passed over', async (protocol, connection, ...more) => {
    const wish = [`Upgrade: ${protocol}`, `${connection}, close`, ...more];
    expect(await readRaw('Host: localhost', ...wish)).toMatch(/^HTTP\/1.1 200 .*"projects":/s);
    expect(await readRaw('Host: evil.example', ...wish)).toMatch(problem(421, 'host_not_allowed'));
  });
});

describe('the Origin header', () => {
  test.each(['http://localhost:4400', 'https://localhost:4400', 'https://board.example'])(
    'may be %s',
    async (origin) => {
      expect((await read({ host: 'localhost:4400', origin })).statusCode).toBe(200);
    },
  );

  test.each(['http://evil.example', 'http://localhost:9999', 'null', 'https://board.example.evil'])(
    'is refused when it is %s, with origin_not_allowed',
    async (origin) => {
      expectProblem(await read({ host: 'localhost:4400', origin }), 'origin_not_allowed');
    },
  );
});

describe('a token in an address', () => {
  test('is refused with token_in_query, by name and by look', async () => {
    for (const query of [`token=x`, `ACCESS_TOKEN=x`, `after=${server.tokens.admin}`, `%74oken=x`]) {
      expectProblem(await server.as('viewer', { url: `/v1/journal?${query}` }), 'token_in_query');
    }
  });

  test('never reaches the log, and neither do a header or an inspect ticket', async () => {
    await server.as('viewer', { url: `/v1/journal?token=${server.tokens.admin}` });
    await server.as('viewer', { url: '/v1/inspect?ticket=very-secret-ticket' });
    await server.as('viewer', { url: '/v1/inspect?%74icket=very-secret-ticket' });
    await server.as('viewer', { url: `/v1/${server.tokens.admin}` });
    await server.as('admin', {
      method: 'POST',
      url: '/v1/tokens',
      payload: { name: server.tokens.admin.repeat(3), scope: 'viewer' },
    });
    const log = server.log.join('');
    expect(log).toContain('/v1/inspect?ticket=[cut]');
    expect(log).not.toContain('very-secret-ticket');
    for (const token of Object.values(server.tokens)) expect(log).not.toContain(token.slice(4));
  });
});

describe('every answer', () => {
  test('carries the security headers, refusals and unknown addresses included', async () => {
    const answers = [
      await read({}),
      await server.app.inject({ url: '/nowhere', headers: { host: 'localhost' } }),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
    }
  });

  test('takes over a harmless X-Request-Id, and makes one instead of a harmful one', async () => {
    expect((await read({ 'x-request-id': 'build-42.1' })).headers['x-request-id']).toBe('build-42.1');
    const made = (await read({ 'x-request-id': 'a b{"level":50}' })).headers['x-request-id'];
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
  });
});
