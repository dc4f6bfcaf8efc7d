import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the server begins to close: streams and waiting claims end, or `close` would wait for them. */
    closing: AbortSignal;
  }
}

export const closing = plugin(
  async (app) => {
    const controller = new AbortController();
    // Browsers and HTTP clients open connections ahead of need. Node closes idle ones, but one that has not sent a request yet is
    // not idle to it, and would hold the close for as long as the client likes.
    const silent = new Set<Socket>();
    app.server.on('connection', (socket: Socket) => {
      silent.add(socket);
      socket.once('close', () => silent.delete(socket));
    });
    app.server.on('upgrade', ({ socket }: IncomingMessage) => silent.delete(socket));
    app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      silent.delete(socket);
      // One that becomes idle after the close has begun would be kept alive for its next request.
      response.once('close', () => {
        if (controller.signal.aborted) setImmediate(() => app.server.closeIdleConnections());
      });
    });

    app.decorate('closing', controller.signal);
    app.addHook('preClose', async () => {
      controller.abort();
      for (const socket of silent) socket.destroy();
    });
  },
  { name: 'closing', fastify: '5.x' },
);
