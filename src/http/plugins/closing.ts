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
    app.decorate('closing', controller.signal);
    app.addHook('preClose', async () => controller.abort());
  },
  { name: 'closing', fastify: '5.x' },
);
