import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Refusal, REFUSALS, type RefusalCode } from '../../src/errors.ts';
import { STATUS } from '../../src/http/problem.ts';
import { expectProblem } from './problem-of.ts';
import { TASK } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
let nextError: unknown = null;
beforeAll(async () => {
  server = await startServerUnderTest({
    explain: {
      explain: async () => {
        throw nextError;
      },
    },
  });
});
afterAll(async () => server.close());

const json = { 'content-type': 'application/json' };
const project = (payload: string | Buffer | object, headers: Record<string, string> = json) =>
  server.as('admin', { method: 'POST', url: '/v1/projects', payload, headers });

describe('what the server itself refuses', () => {
  test('invalid_request names every faulty field at once', async () => {
    const problem = expectProblem(await project({ key: 7, extra: true }), 'invalid_request');
    expect(problem.details).toMatchObject({ in: 'body' });
    const faults = ['/key', '/remote'].map((path) => expect.objectContaining({ path }));
    expect(problem.details?.['faults']).toEqual(expect.arrayContaining(faults));
  });

  test('invalid_request answers an address that can not be decoded and an id that is none', async () => {
    expectProblem(await server.as('viewer', { url: '/v1/tasks/%ff' }), 'invalid_request');
    expectProblem(await server.as('viewer', { url: '/v1/tasks/not-an-id' }), 'invalid_request');
  });

  test('invalid_json answers a body that is cut short', async () => {
    expectProblem(await project('{"key": '), 'invalid_json');
  });

  test('unsupported_media_type answers a form and a body without a type, and YAML where no plan is meant', async () => {
    expectProblem(
      await project('a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      'unsupported_media_type',
    );
    expectProblem(await project('key: a', { 'content-type': 'application/yaml' }), 'unsupported_media_type');
  });

  test('not_acceptable answers a wish for a form the route does not have', async () => {
    const answer = await server.as('viewer', { url: '/v1/machines/task', headers: { accept: 'image/png' } });
    expectProblem(answer, 'not_acceptable');
  });

  test('route_not_found answers an unknown address', async () => {
    expectProblem(await server.as('viewer', { url: '/v1/nothing' }), 'route_not_found');
  });

  test('method_not_allowed says what the address takes', async () => {
    const answer = await server.as('viewer', { method: 'PUT', url: `/v1/tasks/${TASK}` });
    expectProblem(answer, 'method_not_allowed');
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  test.each([undefined, 'Basic eDp5', 'Bearer sbx_short', `Bearer sbx_${'A'.repeat(43)}`])(
    'unauthenticated answers the credentials %s',
    async (authorization) => {
      const headers = { host: 'localhost', ...(authorization === undefined ? {} : { authorization }) };
      const answer = await server.app.inject({ url: '/v1/initiatives', headers });
      expectProblem(answer, 'unauthenticated');
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="signalbox"');
    },
  );

  test('invalid_idempotency_key answers an empty one, a long one and one with spaces', async () => {
    for (const key of ['', 'x'.repeat(201), 'two words', 'ümlaut']) {
      expectProblem(
        await project({ key: 'a', remote: 'b' }, { ...json, 'idempotency-key': key }),
        'invalid_idempotency_key',
      );
    }
  });

  test('unknown_machine answers an unknown name', async () => {
    expectProblem(await server.as('viewer', { url: '/v1/machines/turing' }), 'unknown_machine');
  });

  test('upgrade_required answers plain HTTP at the WebSocket', async () => {
    expectProblem(await server.as('viewer', { url: '/v1/inspect?ticket=x' }), 'upgrade_required');
  });

  test('invalid_request answers what is not HTTP at all', async () => {
    const address = await server.app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.write('NOT HTTP\r\n\r\n');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"invalid_request"/s);
  });
});

describe('what a service refuses', () => {
  const explained = async (error: unknown) => {
    nextError = error;
    return server.as('viewer', { url: `/v1/tasks/${TASK}/explain` });
  };

  test.each(Object.keys(REFUSALS) as RefusalCode[])(
    '%s arrives with its status, its text and its details',
    async (code) => {
      const problem = expectProblem(
        await explained(new Refusal(code, 'what happened', { details: { version: 3 } })),
        code,
      );
      expect(problem).toMatchObject({
        detail: 'what happened',
        details: { version: 3 },
        title: REFUSALS[code],
      });
    },
  );

  test('internal_error tells nothing of what was not expected, and the log tells all', async () => {
    const answer = await explained(new Error('the secret plan'));
    expectProblem(answer, 'internal_error');
    expect(answer.body).not.toContain('secret plan');
    expect(
      server.log.some(
        (line) => line.includes('the secret plan') && line.includes(String(answer.headers['x-request-id'])),
      ),
    ).toBe(true);
  });

  test.each(['ECONNREFUSED', '57P01', '53100', '08006'])(
    'unavailable answers a database error %s, and asks to come back',
    async (code) => {
      const answer = await explained(Object.assign(new Error('the database is away'), { code }));
      expectProblem(answer, 'unavailable');
      expect(answer.headers['retry-after']).toBe('1');
    },
  );

  test('an error of the driver that nobody expected is no outage', async () => {
    expectProblem(await explained(Object.assign(new Error('syntax'), { code: '42601' })), 'internal_error');
  });

  test('refusals of the 5xx kind are the only ones that a client may take for our fault', () => {
    const ours = Object.entries(STATUS)
      .filter(([, status]) => status >= 500)
      .map(([code]) => code);
    expect(ours.toSorted()).toEqual([
      'clone_too_slow',
      'git_failed',
      'internal_error',
      'remote_refused',
      'remote_unreachable',
      'too_many_streams',
      'unavailable',
    ]);
  });
});
