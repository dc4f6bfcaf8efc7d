import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';
import { safeHeaders } from '../safe-headers.ts';

export interface GuardOptions {
  /** Host names this service answers for, without port: `localhost`, `127.0.0.1`, `[::1]`, and what it is reached under. */
  readonly allowedHosts: readonly string[];
  /** Origins of web pages elsewhere that may call, e.g. `https://board.example`; pages of this service itself always may. */
  readonly allowedOrigins: readonly string[];
}

const SECRET_NAMES = new Set(['token', 'access_token', 'api_key', 'authorization', 'password']);

/** The name in a Host header: `[::1]:4400` -> `[::1]`, `LocalHost:80` -> `localhost`. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

/**
 * A web page whose name is made to resolve to this machine (DNS rebinding) reaches a loopback service with its own name in Host;
 * a page that simply calls across origins says so in Origin. Neither is what a tool or our own page sends.
 */
function checkHost(request: FastifyRequest, allowed: ReadonlySet<string>): void {
  const host = request.headers.host;
  if (host !== undefined && allowed.has(hostName(host))) return;
  throw new Refusal(
    'host_not_allowed',
    `this service does not answer for ${host ?? 'a request without Host'}; add the name to the allowed hosts if it is meant to`,
  );
}

/** Of two names the one that is checked may not be the one that a proxy in front has looked at (RFC 9112, 3.2). */
function checkOneHost({ raw }: FastifyRequest): void {
  const named = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  if (named.length > 1) throw new Refusal('invalid_request', 'a request has one Host header');
}

function checkOrigin(request: FastifyRequest, allowed: ReadonlySet<string>): void {
  const origin = request.headers.origin;
  if (origin === undefined || allowed.has(origin)) return;
  const host = request.headers.host ?? '';
  if (origin === `http://${host}` || origin === `https://${host}`) return;
  throw new Refusal('origin_not_allowed', `a page of ${origin} may not call this service`);
}

/** Addresses end up in histories and logs of others: a token found there is refused, so that it is noticed and replaced. */
function checkQuery(request: FastifyRequest): void {
  const mark = request.url.indexOf('?');
  if (mark === -1) return;
  for (const [name, value] of new URLSearchParams(request.url.slice(mark + 1))) {
    if (SECRET_NAMES.has(name.toLowerCase()) || value.startsWith('sbx_')) {
      throw new Refusal(
        'token_in_query',
        'send the token in the Authorization header; one that stood in an address should be replaced',
      );
    }
  }
}

/** Checks Host, Origin and query of every request, WebSocket upgrades and unknown addresses included. */
export const guard = plugin<GuardOptions>(
  async (app, options) => {
    const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
    const origins = new Set(options.allowedOrigins);
    // Node would answer an expectation that it does not know by itself, past all checks. One may be ignored (RFC 9110, 10.1.1).
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
    app.addHook('onRequest', async (request, reply) => {
      void reply.headers(safeHeaders(request.id));
      checkOneHost(request);
      checkHost(request, hosts);
      checkOrigin(request, origins);
      checkQuery(request);
    });
  },
  { name: 'guard', fastify: '5.x', dependencies: ['error-handler', 'web-socket'] },
);
