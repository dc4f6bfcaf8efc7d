import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { redactTokens, redactUrl } from './redact.ts';

function describe(error: Error): {
  type: string;
  message: string;
  stack: string;
  code?: string;
  cause?: unknown;
} {
  return {
    type: error.name,
    message: redactTokens(error.message),
    stack: redactTokens(error.stack ?? ''),
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(error.cause instanceof Error ? { cause: describe(error.cause) } : {}),
  };
}

/** Requests are logged without headers, bodies and secrets of the address. Headers carry tokens; nothing in them is worth the risk. */
const serializers = {
  req: (request: FastifyRequest) => ({
    method: request.method,
    url: redactUrl(request.url),
    remoteAddress: request.ip,
  }),
  res: (reply: { statusCode: number }) => ({ statusCode: reply.statusCode }),
  err: describe,
};

/** The service's own log, for requests: it writes where everything else is written. */
export function requestLogger(log: Logger): FastifyBaseLogger {
  return log.child({}, { serializers });
}
