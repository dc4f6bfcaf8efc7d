import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';

/** The version of an actor as a strong entity tag: `"12"`. It is for If-Match; children do not change it. */
export function setEntityTag(reply: FastifyReply, version: number): void {
  void reply.header('etag', `"${version}"`);
}

/** The version named in If-Match, or null without one (or with `*`: the thing is there, or the answer is 404 anyway). */
export function versionIfMatch(request: FastifyRequest): number | null {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return null;
  const version = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  if (version !== undefined) return Number(version);
  // A weak or foreign tag can never match (RFC 9110): the answer is the same as for an old one.
  if (/^(W\/)?"[^"]*"$/.test(header.trim())) {
    throw new Refusal(
      'stale_version',
      `${header.slice(0, 80)} is not a version of this; read it again and use its ETag`,
    );
  }
  throw new Refusal('invalid_request', 'If-Match takes one entity tag as it came in ETag, e.g. "12"');
}
