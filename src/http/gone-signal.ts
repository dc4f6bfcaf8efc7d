import type { FastifyReply } from 'fastify';

/** Aborted when the client has closed the connection before it was answered. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  // The client may be gone before the handler begins, while the token was checked.
  if (reply.raw.destroyed) controller.abort();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
