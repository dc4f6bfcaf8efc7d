import type { FastifyReply } from 'fastify';
import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ExplainService, ReadService } from '../../services/contracts.ts';
import {
  initiativeSchema,
  initiativeTreeSchema,
  phaseSchema,
  taskSchema,
} from '../../services/shapes/actor.ts';
import { explanationSchema } from '../../services/shapes/explanation.ts';
import { journalPageSchema } from '../../services/shapes/journal.ts';
import { landingSchema } from '../../services/shapes/landing.ts';
import { setEntityTag } from '../entity-tag.ts';
import { credentialsOf, READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';
import { KINDS } from './kinds.ts';

const params = z.object({ id: z.uuid() });
const page = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

function tagged<T extends { version: number }>(reply: FastifyReply, view: T): T {
  setEntityTag(reply, view.version);
  return view;
}

export const actorReadRoutes = plugin<{ reads: ReadService; explain: ExplainService }>(
  async (app, { reads, explain }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: READERS };

    routes.get(
      '/v1/initiatives',
      {
        config,
        schema: {
          operationId: 'listInitiatives',
          summary: 'All initiatives',
          tags: ['initiatives'],
          response: { 200: z.object({ initiatives: z.array(initiativeSchema) }), ...problems({}) },
        },
      },
      async (request) => ({ initiatives: await reads.initiatives(credentialsOf(request).principal) }),
    );

    routes.get(
      '/v1/initiatives/:id',
      {
        config,
        schema: {
          operationId: 'getInitiative',
          summary: 'An initiative with its phases and tasks',
          tags: ['initiatives'],
          params,
          response: { 200: initiativeTreeSchema, ...problems({}, 'unknown_initiative') },
        },
      },
      async (request, reply) =>
        tagged(reply, await reads.initiative(request.params.id, credentialsOf(request).principal)),
    );

    routes.get(
      '/v1/initiatives/:id/landings',
      {
        config,
        schema: {
          operationId: 'listLandings',
          summary: 'What was landed, project by project, and which process did it',
          tags: ['initiatives'],
          params,
          response: {
            200: z.object({ landings: z.array(landingSchema) }),
            ...problems({}, 'unknown_initiative'),
          },
        },
      },
      async (request) => ({ landings: await reads.landings(request.params.id) }),
    );

    routes.get(
      '/v1/phases/:id',
      {
        config,
        schema: {
          operationId: 'getPhase',
          summary: 'A phase with its tasks',
          tags: ['phases'],
          params,
          response: { 200: phaseSchema, ...problems({}, 'unknown_phase') },
        },
      },
      async (request, reply) =>
        tagged(reply, await reads.phase(request.params.id, credentialsOf(request).principal)),
    );

    routes.get(
      '/v1/tasks/:id',
      {
        config,
        schema: {
          operationId: 'getTask',
          summary: 'A task',
          tags: ['tasks'],
          params,
          response: { 200: taskSchema, ...problems({}, 'unknown_task') },
        },
      },
      async (request, reply) =>
        tagged(reply, await reads.task(request.params.id, credentialsOf(request).principal)),
    );

    for (const { kind, path, name, unknown } of KINDS) {
      routes.get(
        `/v1/${path}/:id/explain`,
        {
          config,
          schema: {
            operationId: `explain${name}`,
            summary: `Why the ${kind} is where it is, and what would move it`,
            tags: [path],
            params,
            response: { 200: explanationSchema, ...problems({}, unknown) },
          },
        },
        async (request) => explain.explain(kind, request.params.id),
      );

      routes.get(
        `/v1/${path}/:id/journal`,
        {
          config,
          schema: {
            operationId: `read${name}Journal`,
            summary: `Everything the ${kind} was told, in order`,
            tags: [path],
            params,
            querystring: page,
            response: { 200: journalPageSchema, ...problems({}, unknown) },
          },
        },
        async (request) => reads.journal(kind, request.params.id, request.query),
      );
    }
  },
  { name: 'actor-read-routes', fastify: '5.x', dependencies: ['authentication', 'openapi'] },
);
