import Fastify, { type FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import { createHash } from 'node:crypto';
import { REFERENCE_PATH } from '../paths.ts';

const PATHS = ['', '/', '/js/scalar.js', '/openapi.json', '/openapi.yaml'];

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

/**
 * The OpenAPI document and the reference page, from the package's own bundle: no CDN, no fonts, no proxy, no telemetry. The bundle is five megabytes of text,
 * so it is loaded, in a server of its own that nobody else can reach, when somebody first looks at the page.
 */
export const referencePage = plugin(
  async (app) => {
    app.get('/v1/openapi.json', { schema: { hide: true }, config: { access: 'public' } }, async () =>
      app.swagger(),
    );
    let loading: Promise<FastifyInstance> | null = null;
    const page = (): Promise<FastifyInstance> => (loading ??= load(() => ({ ...app.swagger() })));
    for (const path of PATHS)
      app.get(
        `${REFERENCE_PATH}${path}`,
        { schema: { hide: true }, config: { access: 'public' } },
        async (request, reply) => {
          const answer = await (await page()).inject({ method: 'GET', url: request.url });
          for (const name of ['content-type', 'content-disposition', 'location']) {
            const value = answer.headers[name];
            if (value !== undefined) void reply.header(name, value);
          }
          if (path === '/') void reply.header('content-security-policy', pagePolicy(answer.payload));
          return reply.code(answer.statusCode).send(answer.rawPayload);
        },
      );
  },
  { name: 'reference-page', fastify: '5.x', dependencies: ['openapi', 'authentication'] },
);

async function load(document: () => Record<string, unknown>): Promise<FastifyInstance> {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const server = Fastify({ logger: false });
  await server.register(reference, {
    routePrefix: REFERENCE_PATH,
    configuration: {
      content: document,
      pageTitle: 'Signalbox reference',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
    },
  });
  return server;
}
