import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';
import { toProblem } from '../problem.ts';
import { redactTokens } from '../redact.ts';
import { refusalOf } from '../refusal-of.ts';
import { safeHeaders } from '../safe-headers.ts';

/** Sends the refusal as problem+json; also for what Fastify refuses before a route is found. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  const problem = toProblem(refusal, request.id);
  // A message may repeat what the caller sent, and a caller may have sent a token in the wrong place.
  const message = redactTokens(refusal.message);
  if (problem.status >= 500)
    request.log.error({ err: refusal.cause ?? refusal, code: refusal.code }, message);
  else request.log.info({ code: refusal.code }, message);
  if (problem.status === 401) {
    const scheme = request.url.startsWith('/git/') ? 'Basic' : 'Bearer';
    void reply.header('www-authenticate', `${scheme} realm="signalbox"`);
  }
  if (problem.status === 503) void reply.header('retry-after', '1');
  // As a string: the route's response schemas describe its answers, and must not cut members off a problem.
  return reply
    .code(problem.status)
    .headers(safeHeaders(request.id))
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}

/** The pattern of a route as an expression, to tell a wrong method from a wrong address. */
function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) =>
      part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/');
  return new RegExp(`^${source}$`);
}

interface KnownRoute {
  readonly pattern: RegExp;
  readonly methods: readonly string[];
}

function registerErrors(app: FastifyInstance): void {
  const routes: KnownRoute[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: Array.isArray(method) ? method : [method] });
  });

  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply));

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const allowed = new Set(
      routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods),
    );
    if (allowed.size === 0) {
      return sendProblem(
        new Refusal('route_not_found', `there is nothing at ${request.method} ${path}`),
        request,
        reply,
      );
    }
    const methods = [...allowed].toSorted().join(', ');
    void reply.header('allow', methods);
    return sendProblem(
      new Refusal('method_not_allowed', `${path} takes ${methods}, not ${request.method}`),
      request,
      reply,
    );
  });
}

export const errorHandler = plugin(async (app) => registerErrors(app), {
  name: 'error-handler',
  fastify: '5.x',
});
