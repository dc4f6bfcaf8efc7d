import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RefusalCode } from '../../errors.ts';
import type { AgentService } from '../../services/contracts.ts';
import { type EventAnswer, eventAnswerSchema } from '../../services/shapes/actor.ts';
import {
  askSchema,
  failSchema,
  heartbeatSchema,
  leaseAnswerSchema,
  progressSchema,
  stopSchema,
  submitSchema,
} from '../../services/shapes/agent.ts';
import { isIdempotent, sendingOf } from '../idempotency.ts';
import { AGENTS, credentialsOf } from '../plugins/authentication.ts';
import { idempotencyHeader, problems } from '../responses.ts';

const tags = ['agents'];
const params = z.object({ id: z.uuid() });
const LEASE: readonly RefusalCode[] = ['unknown_agent', 'foreign_agent', 'foreign_lease', 'lease_over'];
const EVENT: readonly RefusalCode[] = [
  ...LEASE,
  'not_enabled',
  'event_rejected',
  'quarantined',
  'not_active',
  'constraint',
];
const HANDED_IN: readonly RefusalCode[] = [
  'no_commits',
  'tip_moved',
  'late_work_left_out',
  'conflict_not_resolved',
  'conflict_markers_left',
  'conflict_side_dropped',
  'comments_unanswered',
  'unknown_comment',
  'git_failed',
];

/** The schema of a report that ends or changes the attempt: an event to the task. */
function eventReport<S extends z.ZodObject>(
  operationId: string,
  summary: string,
  body: S,
  own: readonly RefusalCode[] = [],
) {
  return {
    operationId,
    summary,
    tags,
    params,
    headers: idempotencyHeader,
    body,
    response: { 200: eventAnswerSchema, ...problems({ body: true, key: true }, ...EVENT, ...own) },
  };
}

function stated(request: FastifyRequest, answer: Awaited<ReturnType<AgentService['submit']>>): EventAnswer {
  return { ...answer, idempotent: isIdempotent(request) };
}

/** What an agent says about its lease. */
export const reportRoutes = plugin<{ agents: AgentService }>(
  async (app, { agents }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: AGENTS };
    const response = { 200: leaseAnswerSchema, ...problems({ body: true }, ...LEASE) };

    routes.post(
      '/v1/agents/:id/heartbeat',
      {
        config,
        schema: {
          operationId: 'renewLease',
          summary: 'Keep the lease',
          tags,
          params,
          body: heartbeatSchema,
          response,
        },
      },
      async (request) => agents.heartbeat(request.params.id, request.body, credentialsOf(request).principal),
    );

    routes.post(
      '/v1/agents/:id/progress',
      {
        config,
        schema: {
          operationId: 'reportProgress',
          summary: 'Say how far the work is; keeps the lease too',
          tags,
          params,
          body: progressSchema,
          response,
        },
      },
      async (request) => agents.progress(request.params.id, request.body, credentialsOf(request).principal),
    );

    routes.post(
      '/v1/agents/:id/submit',
      { config, schema: eventReport('submitTask', 'The work is pushed and done', submitSchema, HANDED_IN) },
      async (request) =>
        stated(request, await agents.submit(request.params.id, request.body, sendingOf(request))),
    );
    routes.post(
      '/v1/agents/:id/fail',
      { config, schema: eventReport('failTask', 'Give up this attempt and say why', failSchema) },
      async (request) =>
        stated(request, await agents.fail(request.params.id, request.body, sendingOf(request))),
    );
    routes.post(
      '/v1/agents/:id/stop',
      {
        config,
        schema: eventReport(
          'stopTask',
          'The agent stops: with success it submits; crashed or stopped by its user it does not',
          stopSchema,
          HANDED_IN,
        ),
      },
      async (request) =>
        stated(request, await agents.stop(request.params.id, request.body, sendingOf(request))),
    );
    routes.post(
      '/v1/agents/:id/ask',
      { config, schema: eventReport('askQuestion', 'Ask a person; the lease goes on', askSchema) },
      async (request) =>
        stated(request, await agents.ask(request.params.id, request.body, sendingOf(request))),
    );
  },
  { name: 'report-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
