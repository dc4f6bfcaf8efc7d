import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { parseAllDocuments } from 'yaml';
import { Refusal } from '../../errors.ts';
import { requireBounded } from '../bounded-value.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** SHA-256 of the body as it was sent; what an Idempotency-Key is bound to. */
    bodyHash: string;
  }
}

const EMPTY_HASH = createHash('sha256').digest('hex');

/** How often anchors may be repeated. A plan repeats a few defaults; a bomb needs nothing but repetition. */
const MAX_ALIASES = 50;

function decode(request: FastifyRequest, body: Buffer): string {
  request.bodyHash = createHash('sha256').update(body).digest('hex');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new Refusal('invalid_encoding', 'the body is not valid UTF-8', { cause: error });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it can not be parsed';
    throw new Refusal('invalid_json', `the body is not valid JSON: ${why.slice(0, 200)}`, { cause: error });
  }
}

/** The core schema of YAML 1.2: no custom tags, no merge keys, no dates; one document. */
export function parseYaml(text: string): unknown {
  try {
    const documents = parseAllDocuments(text, {
      schema: 'core',
      merge: false,
      uniqueKeys: true,
      stringKeys: true,
    });
    const document = documents[0];
    if (document === undefined || documents.length !== 1) {
      throw new Refusal('invalid_yaml', 'the body is not exactly one YAML document');
    }
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) throw fault;
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = error instanceof Error ? error.message : 'it can not be parsed';
    throw new Refusal('invalid_yaml', `the body is not a YAML plan: ${why.slice(0, 400)}`, { cause: error });
  }
}

function addBodies(app: FastifyInstance, maxCharacters: number): void {
  app.removeAllContentTypeParsers();
  app.decorateRequest('bodyHash', EMPTY_HASH);
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (body.length === 0) return undefined;
      const value = parseJson(decode(request, body));
      requireBounded(value, maxCharacters);
      return value;
    },
  );
  // A route whose fields all have defaults may be called without any body.
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST' && request.body === undefined) request.body = {};
  });
}

/** JSON everywhere: strictly UTF-8, bounded in depth and number, hashed as it came. */
export const bodies = plugin(async (app) => addBodies(app, app.initialConfig.bodyLimit ?? 1_048_576), {
  name: 'bodies',
  fastify: '5.x',
  dependencies: ['error-handler'],
});

/** For the plugin that serves plans: YAML beside JSON. */
export function acceptYaml(app: FastifyInstance): void {
  const maxCharacters = app.initialConfig.bodyLimit ?? 1_048_576;
  app.addContentTypeParser(
    ['application/yaml', 'application/x-yaml', 'text/yaml'],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      const value = parseYaml(decode(request, body));
      requireBounded(value, maxCharacters);
      return value;
    },
  );
}
