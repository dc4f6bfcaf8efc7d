import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { v5 } from 'uuid';
import { Refusal } from '../errors.ts';
import type { Caller, Sending } from '../services/contracts.ts';
import { credentialsOf } from './plugins/authentication.ts';

/** Printable ASCII without spaces, as long as a key column may be. */
const KEY = /^[\x21-\x7e]{1,200}$/;

function keyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  if (typeof header !== 'string' || !KEY.test(header)) {
    throw new Refusal(
      'invalid_idempotency_key',
      'an Idempotency-Key is 1 to 200 printable ASCII characters without spaces, sent once',
    );
  }
  return header;
}

/** For a POST that reaches no actor: the service stores key, body hash and answer in its own transaction. */
export function callerOf(request: FastifyRequest): Caller {
  const key = keyOf(request);
  const route = `${request.method} ${request.url.split('?', 1)[0]}`;
  return {
    principal: credentialsOf(request).principal,
    request: key === null ? null : { key, route, bodyHash: request.bodyHash },
  };
}

/** Whether a repetition of this request would be recognized. */
export function isIdempotent(request: FastifyRequest): boolean {
  return keyOf(request) !== null;
}

/**
 * For a POST that reaches an actor: the event's id is made of actor, principal and key, so that the actor's own journal tells a
 * repetition, on any replica and for ever. Without a key every request is a new event.
 */
export function sendingOf(request: FastifyRequest): Sending {
  const key = keyOf(request);
  const { principal } = credentialsOf(request);
  const fresh = randomUUID();
  return {
    principal,
    request: callerOf(request).request,
    eventIdFor: (actorId) => (key === null ? fresh : v5(`${principal.tokenId} ${key}`, actorId)),
  };
}
