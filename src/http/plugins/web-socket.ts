import websocket from '@fastify/websocket';
import plugin from 'fastify-plugin';

/** The inspector's readers send nothing but pongs; a bigger message is none of theirs. */
const MAX_INCOMING_BYTES = 1_024;
const GOING_AWAY = 1001;

/**
 * WebSocket upgrades as ordinary requests. Before the guard: only a request that this plugin has seen has its socket closed
 * after a refusal, and a refused one would stay open for as long as its client likes.
 */
export const webSocket = plugin(
  async (app) => {
    await app.register(websocket, {
      options: { maxPayload: MAX_INCOMING_BYTES },
      preClose(done) {
        for (const client of app.websocketServer.clients) client.close(GOING_AWAY, 'the server is closing');
        app.websocketServer.close(done);
      },
    });
  },
  { name: 'web-socket', fastify: '5.x' },
);
