import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { issuedTokenSchema, newTokenSchema, tokenSchema } from '../../services/shapes/token.ts';
import type { TokenService } from '../../services/tokens.ts';
import { callerOf } from '../idempotency.ts';
import { ADMINS } from '../plugins/authentication.ts';
import { idempotencyHeader, problems } from '../responses.ts';
import { sendAnswered } from '../send-answered.ts';

const tags = ['tokens'];

export const tokenRoutes = plugin<{ tokens: TokenService }>(
  async (app, { tokens }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: ADMINS };

    routes.post(
      '/v1/tokens',
      {
        config,
        schema: {
          operationId: 'issueToken',
          summary: 'Make a token; it is shown in this answer only',
          description:
            'A repeated request with the same Idempotency-Key is answered with `token: null`: only the hash is kept.',
          tags,
          headers: idempotencyHeader,
          body: newTokenSchema,
          response: { 201: issuedTokenSchema, ...problems({ body: true, key: true }) },
        },
      },
      async (request, reply) => sendAnswered(reply, 201, await tokens.issue(request.body, callerOf(request))),
    );

    routes.get(
      '/v1/tokens',
      {
        config,
        schema: {
          operationId: 'listTokens',
          summary: 'All tokens that are in force',
          tags,
          response: { 200: z.object({ tokens: z.array(tokenSchema) }), ...problems({}) },
        },
      },
      async () => ({ tokens: await tokens.list() }),
    );

    routes.delete(
      '/v1/tokens/:id',
      {
        config,
        schema: {
          operationId: 'revokeToken',
          summary: 'Revoke a token, at once',
          tags,
          params: z.object({ id: z.uuid() }),
          response: { 204: z.null(), ...problems({}, 'unknown_token', 'last_admin_token') },
        },
      },
      async (request, reply) => {
        await tokens.revoke(request.params.id);
        return reply.code(204).send(null);
      },
    );
  },
  { name: 'token-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
