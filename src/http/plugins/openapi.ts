import swagger from '@fastify/swagger';
import plugin from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { documentHeaders } from '../documented-headers.ts';

const DESCRIPTION = `A plan in, merged and pushed work out.

Every refusal is \`application/problem+json\` with a stable \`code\`. Tokens go into the \`Authorization\` header, never into an
address.

An \`Idempotency-Key\` makes a repeated request the same request. It is taken by \`/v1/projects\`, \`/v1/plans\`, \`/v1/tokens\`,
\`/v1/agents\`, \`/v1/agents/{id}/claim\`, \`/v1/agents/{id}/submit\`, \`/v1/agents/{id}/fail\`, \`/v1/agents/{id}/stop\`,
\`/v1/agents/{id}/ask\`, \`/v1/initiatives/{id}/events\`, \`/v1/phases/{id}/events\`, \`/v1/tasks/{id}/events\`,
\`/v1/initiatives/{id}/review/comments\`, \`/v1/phases/{id}/review/comments\`, \`/v1/tasks/{id}/review/comments\`,
\`/v1/review/comments/{id}/replies\` and \`/v1/review/comments/{id}/state\`. The other POSTs
need none: repeated, they do no harm. What is told to an initiative, phase or task, reports of agents among it, is answered with
\`idempotent\`: false when no key came, and a repetition would be a new event. A key is remembered for seven days, and as long as the
lease that it led to; what was told to an initiative, phase or task is recognized for ever.`;

/** The OpenAPI document, made from the routes' own schemas. Registered before the routes. */
export const openapi = plugin(
  async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Signalbox', version: '1', description: DESCRIPTION, license: { name: 'MIT' } },
        components: {
          securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'A token, `sbx_...`' } },
        },
        security: [{ bearer: [] }],
      },
      transform: jsonSchemaTransform,
      transformObject: (document) => documentHeaders(jsonSchemaTransformObject(document)),
    });
  },
  { name: 'openapi', fastify: '5.x' },
);
