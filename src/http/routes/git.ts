import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';
import type { HubAccess, HubServer } from '../../services/contracts.ts';

interface GitRequest {
  readonly projectKey: string;
  readonly access: 'fetch' | 'push';
}

const SERVICES: Readonly<Record<string, GitRequest['access']>> = {
  'git-upload-pack': 'fetch',
  'git-receive-pack': 'push',
};

/** Only the three addresses of smart HTTP; files of the repository are never served. */
function gitRequestOf(request: FastifyRequest): GitRequest {
  // As it was sent: an address that is first tidied up may mean one project here and another one to git.
  const [path = '', query = ''] = request.url.split('?', 2);
  const [, projectKey, rest] = /^\/git\/([a-z0-9][a-z0-9-]{0,62})\.git\/([a-z/-]+)$/.exec(path) ?? [];
  const listed = rest === 'info/refs' ? (new URLSearchParams(query).get('service') ?? '') : '';
  const access = SERVICES[request.method === 'GET' ? listed : (rest ?? '')];
  if (projectKey === undefined || access === undefined) {
    throw new Refusal(
      'route_not_found',
      'the hub serves git clone, fetch and push over smart HTTP at /git/<project>.git',
    );
  }
  return { projectKey, access };
}

function basicOf(request: FastifyRequest): { username: string; password: string } | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * The hub over smart HTTP. The raw request goes to git unread, gzip and all: this plugin is encapsulated so that its parser,
 * which consumes nothing and knows no limit, is in force here only. The hub has size limits of its own.
 */
export const gitRoutes = plugin<{ hubAccess: HubAccess; hub: HubServer }>(
  async (app, { hubAccess, hub }) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null, null));

    app.route({
      method: ['GET', 'POST'],
      url: '/git/*',
      exposeHeadRoute: false,
      // The grant is looked up below with Basic credentials, which is what git sends.
      config: { access: 'public' },
      schema: { hide: true },
      handler: async (request, reply) => {
        const { projectKey, access } = gitRequestOf(request);
        const credentials = basicOf(request);
        const grant =
          credentials === null
            ? null
            : await hubAccess.grantFor(projectKey, credentials.username, credentials.password, access);
        if (grant === null) {
          throw new Refusal(
            'unauthenticated',
            'git needs the username and password of a claim, through a credential helper',
          );
        }
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          if (value !== undefined) reply.raw.setHeader(name, value);
        }
        try {
          await hub.serve(request.raw, reply.raw, grant);
        } catch (error) {
          // Git may have been half answered: a cut connection is the only answer that it can not mistake for success.
          request.log.error({ err: error }, 'serving git failed');
          reply.raw.destroy();
        }
        return reply;
      },
    });
  },
  { name: 'git-routes', fastify: '5.x', encapsulate: true, dependencies: ['authentication', 'bodies'] },
);
