import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { pagePolicy } from '../../src/http/plugins/reference-page.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { AGENT, INITIATIVE, LEASE, PHASE, TASK } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

const operation = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(5),
  tags: z.array(z.string()).min(1),
  security: z.array(z.unknown()).optional(),
  requestBody: z.looseObject({}).optional(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
  responses: z.record(
    z.string(),
    z.looseObject({
      description: z.string(),
      content: z.record(z.string(), z.unknown()).optional(),
      headers: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});
const documentSchema = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

let server: ServerUnderTest;
let operations: (z.infer<typeof operation> & { route: string })[];
beforeAll(async () => {
  server = await startServerUnderTest();
  const answer = await server.app.inject({ url: '/v1/openapi.json', headers: { host: 'localhost' } });
  const document = documentSchema.parse(answer.json());
  expect(document.openapi).toBe('3.1.0');
  operations = Object.entries(document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, found]) => ({ ...found, route: `${method.toUpperCase()} ${url}` })),
  );
});
afterAll(async () => server.close());

describe('the OpenAPI document', () => {
  test('gives every operation an id of its own', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids.length).toBeGreaterThan(35);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('declares problems for every refusal of a protected route', () => {
    for (const { route, security, responses } of operations.filter((found) => found.route.includes('/v1/'))) {
      const refusals = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      for (const [, { content }] of refusals)
        expect(Object.keys(content ?? {}), route).toEqual(['application/problem+json']);
      if (security === undefined)
        expect(Object.keys(responses), route).toEqual(
          expect.arrayContaining(['400', '401', '403', '500', '503']),
        );
    }
  });

  test('names the codes behind each status', () => {
    const claim = operations.find(({ operationId }) => operationId === 'claimTask');
    expect(claim?.responses['403']?.description).toContain('`foreign_agent`');
    expect(Object.keys(claim?.responses['200']?.content ?? {})).toEqual(['application/json', 'text/plain']);
  });

  test('shows every event that a person may send, with its payload', () => {
    for (const { name, events } of machineDefinitions) {
      const door = operations.find(({ operationId }) => operationId.toLowerCase() === `send${name}event`);
      const shown = JSON.stringify(door?.requestBody);
      for (const [type, { senders }] of Object.entries(events)) {
        const isForPeople = senders.some((sender) => ['admin', 'operator', 'reviewer'].includes(sender));
        const isShown = shown.includes(`"const":"${type}"`) || shown.includes(`"enum":["${type}"]`);
        expect(isShown, `${type} of ${senders.join()}`).toBe(isForPeople);
      }
    }
  });

  const POST = { headers: { 'idempotency-key': 'once' } };
  type Asked = readonly ['GET' | 'POST', string, string, object?];
  const asked: readonly Asked[] = [
    ...(['initiatives', 'phases', 'tasks'] as const).flatMap((kind): Asked[] => {
      const id = { initiatives: INITIATIVE, phases: PHASE, tasks: TASK }[kind];
      return [
        ['GET', `/v1/${kind}/{id}`, id],
        ['GET', `/v1/${kind}/{id}/explain`, id],
        ['GET', `/v1/${kind}/{id}/journal`, id],
        ['POST', `/v1/${kind}/{id}/events`, id, { type: `${kind.slice(0, -1)}.cancel` }],
        ['POST', `/v1/${kind}/{id}/replay`, id],
      ];
    }),
    ['GET', '/v1/initiatives/{id}/review', INITIATIVE],
    ['POST', '/v1/projects', '', { key: 'api', remote: 'https://git.example/api.git' }],
    ['POST', '/v1/tokens', '', { name: 'x', scope: 'viewer' }],
    ['POST', '/v1/agents/{id}/submit', AGENT, { lease: LEASE }],
  ];
  test.each(asked.map(([method, route, id, payload]) => ({ method, route, id, payload })))(
    'declares the headers of what $method $route answers, and no others',
    async ({ method, route, id, payload }) => {
      const answer = await server.as(route.includes('/agents') ? 'agent' : 'admin', {
        method,
        url: route.replace('{id}', id),
        ...(method === 'POST' ? POST : {}),
        ...(payload === undefined ? {} : { payload }),
      });
      expect([200, 201]).toContain(answer.statusCode);
      const declared = operations.find((found) => found.route === `${method} ${route}`)?.responses;
      const sent = ['ETag', 'Idempotency-Replayed'].filter((name) => name.toLowerCase() in answer.headers);
      expect(Object.keys(declared?.[String(answer.statusCode)]?.headers ?? {})).toEqual(sent);
    },
  );

  test('says after how long a refused request may come again, and where a stream goes on', () => {
    for (const { route, responses } of operations)
      expect(Object.keys(responses['503']?.headers ?? {}), route).toEqual(
        '503' in responses ? ['Retry-After'] : [],
      );
    const stream = operations.find(({ operationId }) => operationId === 'streamJournal');
    expect(stream?.parameters).toContainEqual(
      expect.objectContaining({ name: 'last-event-id', in: 'header' }),
    );
  });

  test('takes plans as JSON and as YAML', () => {
    const plan = operations.find(({ operationId }) => operationId === 'applyPlan');
    expect(plan?.requestBody).toMatchObject({ content: { 'application/json': {}, 'application/yaml': {} } });
  });
});

describe('the reference page', () => {
  test('loads its script from here and may load nothing from elsewhere', async () => {
    const page = await server.app.inject({ url: '/v1/reference/', headers: { host: 'localhost' } });
    expect(page.statusCode).toBe(200);
    const sources = [...page.body.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, source]) => source);
    expect(sources).toEqual(['js/scalar.js']);
    expect(page.body).toContain('"withDefaultFonts": false');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'sha256-[A-Za-z0-9+/=]+'/);
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|'unsafe-eval'/);
    const script = await server.app.inject({
      url: '/v1/reference/js/scalar.js',
      headers: { host: 'localhost' },
    });
    expect([script.statusCode, script.headers['content-type']]).toEqual([
      200,
      'application/javascript; charset=utf-8',
    ]);
  });

  test('is found without its last slash, and offers the document itself', async () => {
    const headers = { host: 'localhost' };
    const moved = await server.app.inject({ url: '/v1/reference', headers });
    expect([moved.statusCode, moved.headers.location]).toEqual([301, '/v1/reference/']);
    const [page, document] = await Promise.all(
      ['/v1/reference/openapi.json', '/v1/openapi.json'].map((url) => server.app.inject({ url, headers })),
    );
    expect(page?.json()).toEqual(document?.json());
    expect(document?.json()).toMatchObject({ openapi: '3.1.0' });
  });

  test('allows its inline script by hash alone', () => {
    expect(pagePolicy('<script src="a.js"></script><script>one</script>')).not.toBe(
      pagePolicy('<script>two</script>'),
    );
  });
});
