import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/services/shapes/token.ts';
import { expectProblem } from './problem-of.ts';
import { AGENT, INITIATIVE, LEASE, PHASE, TASK } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
const registered = new Set<string>();

/** Hears of every route, hidden from the reference or not; the HEAD beside each GET apart. */
function hearRoutes(message: unknown): void {
  (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat())
      if (name !== 'HEAD') registered.add(`${name} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
}

beforeAll(async () => {
  subscribe('fastify.initialization', hearRoutes);
  server = await startServerUnderTest();
});
afterAll(async () => {
  unsubscribe('fastify.initialization', hearRoutes);
  await server.close();
});

const ALL: readonly Scope[] = ['admin', 'operator', 'reviewer', 'agent', 'viewer'];
const READ = ['admin', 'operator', 'reviewer', 'viewer'] as const;
const MOVE = ['admin', 'operator', 'reviewer'] as const;
const OPERATE = ['admin', 'operator'] as const;
const lease = { lease: LEASE };
const COMMENT = { project: 'api', file: 'a.ts', line: 1, text: 'why?' };

/** Every route with the scopes that reach it, written down once more by hand: the routes' own lists are what is tested. */
const ROUTES: readonly (readonly [string, readonly Scope[], object?])[] = [
  ['POST /v1/projects', OPERATE, { key: 'api', remote: 'https://git.example/api.git' }],
  ['GET /v1/projects', READ],
  ['GET /v1/projects/api', READ],
  ['POST /v1/plans', OPERATE, {}],
  ['POST /v1/plans/validate', READ, {}],
  ['GET /v1/initiatives', READ],
  [`GET /v1/initiatives/${INITIATIVE}`, READ],
  [`GET /v1/phases/${PHASE}`, READ],
  [`GET /v1/tasks/${TASK}`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/review`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/landings`, READ],
  [`GET /v1/phases/${PHASE}/review`, READ],
  [`GET /v1/tasks/${TASK}/review`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/review/comments`, READ],
  [`POST /v1/initiatives/${INITIATIVE}/review/comments`, MOVE, COMMENT],
  [`GET /v1/phases/${PHASE}/review/comments`, READ],
  [`POST /v1/phases/${PHASE}/review/comments`, MOVE, COMMENT],
  [`GET /v1/tasks/${TASK}/review/comments`, READ],
  [`POST /v1/tasks/${TASK}/review/comments`, MOVE, COMMENT],
  [`POST /v1/review/comments/${INITIATIVE}/replies`, MOVE, { text: 'why?' }],
  [`POST /v1/review/comments/${INITIATIVE}/state`, MOVE, { state: 'dismissed' }],
  [`GET /v1/initiatives/${INITIATIVE}/review/files`, READ],
  [`GET /v1/phases/${PHASE}/review/files`, READ],
  [`GET /v1/tasks/${TASK}/review/files`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/review/diff`, READ],
  [`GET /v1/phases/${PHASE}/review/diff`, READ],
  [`GET /v1/tasks/${TASK}/review/diff`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/explain`, READ],
  [`GET /v1/phases/${PHASE}/explain`, READ],
  [`GET /v1/tasks/${TASK}/explain`, READ],
  [`GET /v1/initiatives/${INITIATIVE}/journal`, READ],
  [`GET /v1/phases/${PHASE}/journal`, READ],
  [`GET /v1/tasks/${TASK}/journal`, READ],
  [`POST /v1/initiatives/${INITIATIVE}/events`, MOVE, { type: 'initiative.pause' }],
  [`POST /v1/phases/${PHASE}/events`, MOVE, { type: 'phase.retry' }],
  [`POST /v1/tasks/${TASK}/events`, MOVE, { type: 'task.retry' }],
  [`POST /v1/initiatives/${INITIATIVE}/replay`, OPERATE],
  [`POST /v1/phases/${PHASE}/replay`, OPERATE],
  [`POST /v1/tasks/${TASK}/replay`, OPERATE],
  ['GET /v1/journal', READ],
  ['POST /v1/agents', ['agent'], { name: 'a' }],
  ['GET /v1/agents', ALL],
  [`POST /v1/agents/${AGENT}/claim`, ['agent'], {}],
  [`POST /v1/agents/${AGENT}/heartbeat`, ['agent'], lease],
  [`POST /v1/agents/${AGENT}/progress`, ['agent'], { ...lease, message: 'half' }],
  [`POST /v1/agents/${AGENT}/submit`, ['agent'], lease],
  [`POST /v1/agents/${AGENT}/fail`, ['agent'], lease],
  [`POST /v1/agents/${AGENT}/stop`, ['agent'], { ...lease, reason: 'crashed' }],
  [`POST /v1/agents/${AGENT}/ask`, ['agent'], { ...lease, question: 'why?' }],
  ['POST /v1/tokens', ['admin'], { name: 'x', scope: 'viewer' }],
  ['GET /v1/tokens', ['admin']],
  [`DELETE /v1/tokens/${TASK}`, ['admin']],
  ['POST /v1/inspect/tickets', READ, { initiative: INITIATIVE }],
  ['GET /v1/machines', READ],
  ['GET /v1/machines/phase', READ],
];

describe.each(ROUTES.map(([route, reached, payload]) => ({ route, reached, payload })))(
  '$route',
  ({ route, reached, payload }) => {
    const [method, url] = route.split(' ') as ['GET' | 'POST' | 'DELETE', string];

    test.each(ALL)(`is reached by those who may (%s)`, async (scope) => {
      const answer = await server.as(scope, { method, url, ...(payload === undefined ? {} : { payload }) });
      if (reached.includes(scope)) expect([401, 403]).not.toContain(answer.statusCode);
      else expectProblem(answer, 'forbidden');
    });

    test('is reached by nobody without a token', async () => {
      expectProblem(
        await server.app.inject({ method, url, headers: { host: 'localhost' } }),
        'unauthenticated',
      );
    });
  },
);

test('no route is missing in the list above', () => {
  const listed = new Set(
    ROUTES.map(([route]) =>
      route
        .replaceAll(/[0-9a-f-]{36}/g, '{id}')
        .replace('/projects/api', '/projects/{key}')
        .replace('/machines/phase', '/machines/{name}'),
    ),
  );
  const open = ['GET /healthz', 'GET /readyz', 'GET /v1/inspect', 'GET /v1/journal/stream'];
  // Of git and of the reference page.
  const hidden = [
    'GET /git/*',
    'POST /git/*',
    'GET /v1/openapi.json',
    'GET /v1/reference',
    'GET /v1/reference/',
    'GET /v1/reference/js/scalar.js',
    'GET /v1/reference/openapi.json',
    'GET /v1/reference/openapi.yaml',
  ];
  expect([...registered].toSorted()).toEqual([...listed, ...open, ...hidden].toSorted());
});

test('the stream of the journal is closed to agents', async () => {
  // As a stream, so that one that does open is an answer and not a wait.
  const answer = await server.as('agent', { url: '/v1/journal/stream', payloadAsStream: true });
  expect(answer.statusCode).toBe(403);
});
