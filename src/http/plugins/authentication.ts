import { createHmac } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';
import type { Principal, Scope } from '../../services/shapes/token.ts';

/** Who a request comes from. The bearer itself stays inside: all that is made of it is the secret of a lease. */
export interface Credentials {
  readonly principal: Principal;
  readonly leaseSecret: (leaseId: string) => string;
  /** For streams that outlive the moment in which the token was checked. */
  readonly isStillValid: () => Promise<boolean>;
}

declare module 'fastify' {
  interface FastifyRequest {
    credentials: Credentials | null;
  }
  interface FastifyContextConfig {
    /** Which scopes reach the route; `public` for no token at all. A route without it does not register. */
    access?: 'public' | readonly Scope[];
  }
}

export interface AuthenticationOptions {
  readonly authenticate: (secret: string) => Promise<Principal | null>;
}

/** Those who only look. An agent's token is not one of them: it reaches its own agents and leases, nothing else. */
export const READERS = ['admin', 'operator', 'reviewer', 'viewer'] as const;
/** Those who move things; which events, each event says. */
export const MOVERS = ['admin', 'operator', 'reviewer'] as const;
export const OPERATORS = ['admin', 'operator'] as const;
export const ADMINS = ['admin'] as const;
export const AGENTS = ['agent'] as const;

export function bearerOf(request: FastifyRequest): string | null {
  const found = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(request.headers.authorization ?? '');
  return found?.[1] ?? null;
}

/** The credentials of a request that got past its route's scopes. */
export function credentialsOf(request: FastifyRequest): Credentials {
  if (request.credentials === null)
    throw new Error(`${request.routeOptions.url} is public and has no caller`);
  return request.credentials;
}

export const authentication = plugin<AuthenticationOptions>(
  async (app, { authenticate }) => {
    app.decorateRequest('credentials', null);
    app.addHook('onRoute', (route) => {
      if (route.config?.access === undefined) throw new Error(`${route.url} does not say who may reach it`);
    });
    app.addHook('onRequest', async (request) => {
      const access = request.routeOptions.config.access;
      // No route was found: the not-found handler answers, and tells nobody anything.
      if (access === 'public' || access === undefined) return;
      const bearer = bearerOf(request);
      const principal = bearer === null ? null : await authenticate(bearer);
      if (bearer === null || principal === null) {
        throw new Refusal('unauthenticated', 'send a valid token as "Authorization: Bearer sbx_..."');
      }
      if (!access.includes(principal.scope)) {
        throw new Refusal(
          'forbidden',
          `the scope "${principal.scope}" does not reach this; it takes ${access.join(' or ')}`,
        );
      }
      request.credentials = {
        principal,
        leaseSecret: (leaseId) => createHmac('sha256', bearer).update(leaseId).digest('base64url'),
        isStillValid: async () => (await authenticate(bearer)) !== null,
      };
    });
  },
  { name: 'authentication', fastify: '5.x', dependencies: ['error-handler', 'guard'] },
);
