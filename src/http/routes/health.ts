import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Readiness } from '../../services/contracts.ts';
import type { TokenService } from '../../services/tokens.ts';
import { bearerOf, READERS } from '../plugins/authentication.ts';
import { isOutage } from '../refusal-of.ts';

const readinessSchema = z.object({
  ready: z.boolean(),
  checks: z.array(
    z.object({ name: z.string(), ready: z.boolean(), detail: z.string(), cause: z.string().optional() }),
  ),
  live: z.int(),
  toUpgrade: z.int(),
  quarantined: z.int(),
});

export interface HealthRoutesOptions {
  readonly readiness: () => Promise<Readiness>;
  readonly tokens: Pick<TokenService, 'authenticate'>;
}

export const healthRoutes = plugin<HealthRoutesOptions>(
  async (app, { readiness, tokens }) => {
    let logged = '';

    /** A database that does not answer knows no tokens. */
    const mayLook = async (request: FastifyRequest): Promise<boolean> => {
      const bearer = bearerOf(request);
      const principal = bearer === null ? null : await tokens.authenticate(bearer).catch(() => null);
      return principal !== null && READERS.some((scope) => scope === principal.scope);
    };

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
          description: 'With a token of any scope but `agent`, also the cause in the words of what failed.',
          tags: ['health'],
          security: [],
          response: { 200: readinessSchema, 503: readinessSchema },
        },
      },
      async (request, reply) => {
        const report = await readiness().catch(unreachable);
        const causes = JSON.stringify(report.checks.filter(({ cause }) => cause !== undefined));
        // Once, not at every probe.
        if (causes !== logged && causes !== '[]')
          request.log.warn({ checks: report.checks }, 'not all is ready');
        logged = causes;
        const isShown = await mayLook(request);
        const checks = report.checks.map(({ cause, ...check }) =>
          isShown && cause !== undefined ? { ...check, cause } : check,
        );
        return reply.code(report.ready ? 200 : 503).send({ ...report, checks });
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
