import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import plugin from 'fastify-plugin';
import { createHash } from 'node:crypto';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { documentHeaders } from '../documented-headers.ts';
import { REFERENCE_PATH } from '../paths.ts';

const DESCRIPTION = `A plan in, merged and pushed work out.

Every refusal is \`application/problem+json\` with a stable \`code\`. Tokens go into the \`Authorization\` header, never into an
address.

An \`Idempotency-Key\` makes a repeated request the same request. It is taken by \`/v1/projects\`, \`/v1/plans\`, \`/v1/tokens\`,
\`/v1/agents\`, \`/v1/agents/{id}/claim\`, \`/v1/agents/{id}/submit\`, \`/v1/agents/{id}/fail\`, \`/v1/agents/{id}/stop\`,
\`/v1/agents/{id}/ask\`, \`/v1/initiatives/{id}/events\`, \`/v1/phases/{id}/events\` and \`/v1/tasks/{id}/events\`. The other POSTs
need none: repeated, they do no harm. What is told to an initiative, phase or task, reports of agents among it, is answered with
\`idempotent\`: false when no key came, and a repetition would be a new event. A key is remembered for seven days, and as long as the
lease that it led to; what was told to an initiative, phase or task is recognized for ever.`;

/** The page's one inline script is allowed by its hash; nothing is loaded from elsewhere, and nothing is sent there. */
export function pagePolicy(html: string): string {
  const inline = [...html.matchAll(/<script\b(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script]) =>
      `'sha256-${createHash('sha256')
        .update(script ?? '')
        .digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src 'self' ${inline.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

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

/** The reference page, from the package's own bundle: no CDN, no fonts, no proxy, no telemetry. */
export const referencePage = plugin(
  async (app) => {
    app.get('/v1/openapi.json', { schema: { hide: true }, config: { access: 'public' } }, async () =>
      app.swagger(),
    );
    app.addHook('onSend', async (request, reply, payload) => {
      if (request.url.split('?', 1)[0] !== `${REFERENCE_PATH}/` || typeof payload !== 'string')
        return payload;
      void reply.header('content-security-policy', pagePolicy(payload));
      return payload;
    });
    await app.register(reference, {
      routePrefix: REFERENCE_PATH,
      configuration: {
        pageTitle: 'Signalbox reference',
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
        agent: { disabled: true },
        mcp: { disabled: true },
        showDeveloperTools: 'never',
      },
    });
  },
  { name: 'reference-page', fastify: '5.x', dependencies: ['openapi', 'authentication'] },
);
