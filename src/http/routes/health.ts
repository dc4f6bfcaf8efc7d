import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Readiness } from '../../services/contracts.ts';
import { isOutage } from '../refusal-of.ts';

const readinessSchema = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ready: z.boolean(), detail: z.string() })),
  live: z.int(),
  toUpgrade: z.int(),
  quarantined: z.int(),
});

export const healthRoutes = plugin<{ readiness: () => Promise<Readiness> }>(
  async (app, { readiness }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: 'public' as const };

    routes.get(
      '/healthz',
      {
        config,
        logLevel: 'warn',
        schema: {
          operationId: 'isAlive',
          summary: 'The process answers',
          tags: ['health'],
          security: [],
          response: { 200: z.object({ status: z.literal('ok') }) },
        },
      },
      async () => ({ status: 'ok' as const }),
    );

    routes.get(
      '/readyz',
      {
        config,
        logLevel: 'warn',
        schema: {
          operationId: 'isReady',
          summary: 'The service can do its work; with 503, what keeps it from it',
          tags: ['health'],
          security: [],
          response: { 200: readinessSchema, 503: readinessSchema },
        },
      },
      async (_request, reply) => {
        const report = await readiness().catch(unreachable);
        return reply.code(report.ready ? 200 : 503).send({ ...report, checks: [...report.checks] });
      },
    );
  },
  { name: 'health-routes', fastify: '5.x', dependencies: ['authentication', 'openapi'] },
);

/** A readiness that can not even be asked for is an answer too. */
function unreachable(error: unknown): Readiness {
  if (!isOutage(error)) throw error;
  return {
    ready: false,
    checks: [{ name: 'database', ready: false, detail: 'can not be reached' }],
    live: 0,
    toUpgrade: 0,
    quarantined: 0,
  };
}
