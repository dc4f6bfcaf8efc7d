import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AgentService } from '../../services/contracts.ts';
import { agentSchema, newAgentSchema } from '../../services/shapes/agent.ts';
import { callerOf } from '../idempotency.ts';
import { AGENTS, credentialsOf, READERS } from '../plugins/authentication.ts';
import { idempotencyHeader, problems } from '../responses.ts';
import { sendAnswered } from '../send-answered.ts';

const tags = ['agents'];

export const agentRoutes = plugin<{ agents: AgentService }>(
  async (app, { agents }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();

    routes.post(
      '/v1/agents',
      {
        config: { access: AGENTS },
        schema: {
          operationId: 'registerAgent',
          summary: 'Register an agent under the own token',
          tags,
          headers: idempotencyHeader,
          body: newAgentSchema,
          response: { 201: agentSchema, ...problems({ body: true, key: true }) },
        },
      },
      async (request, reply) =>
        sendAnswered(reply, 201, await agents.register(request.body, callerOf(request))),
    );

    routes.get(
      '/v1/agents',
      {
        config: { access: [...READERS, ...AGENTS] },
        schema: {
          operationId: 'listAgents',
          summary: 'All agents; for an agent token, its own',
          tags,
          response: { 200: z.object({ agents: z.array(agentSchema) }), ...problems({}) },
        },
      },
      async (request) => ({ agents: await agents.list(credentialsOf(request).principal) }),
    );
  },
  { name: 'agent-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
