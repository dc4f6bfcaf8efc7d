import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type MachineCatalog, machineSchema, machineSummarySchema } from '../../services/machine-catalog.ts';
import { negotiate } from '../accept.ts';
import { READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';

const MERMAID = 'text/vnd.mermaid';

export const machineRoutes = plugin<{ machines: MachineCatalog }>(
  async (app, { machines }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: READERS };

    routes.get(
      '/v1/machines',
      {
        config,
        schema: {
          operationId: 'listMachines',
          summary: 'The lifecycles',
          tags: ['machines'],
          response: { 200: z.object({ machines: z.array(machineSummarySchema) }), ...problems({}) },
        },
      },
      async () => ({ machines: machines.list() }),
    );

    routes.get(
      '/v1/machines/:name',
      {
        config,
        schema: {
          operationId: 'getMachine',
          summary: 'A lifecycle with its events, as JSON or as a Mermaid diagram',
          tags: ['machines'],
          params: z.object({ name: z.string().max(63) }),
          querystring: z.object({ format: z.enum(['json', 'mermaid']).optional() }),
          response: {
            200: {
              description: 'The machine.',
              content: { 'application/json': { schema: machineSchema }, [MERMAID]: { schema: z.string() } },
            },
            ...problems({}, 'unknown_machine', 'not_acceptable'),
          },
        },
      },
      async (request, reply) => {
        const { format } = request.query;
        const asMermaid =
          format === undefined
            ? negotiate(request, ['application/json', MERMAID]) === MERMAID
            : format === 'mermaid';
        if (!asMermaid) return reply.code(200).send(machines.get(request.params.name));
        return reply.code(200).type(`${MERMAID}; charset=utf-8`).send(machines.mermaid(request.params.name));
      },
    );
  },
  { name: 'machine-routes', fastify: '5.x', dependencies: ['authentication', 'openapi'] },
);
