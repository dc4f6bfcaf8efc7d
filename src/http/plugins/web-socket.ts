import websocket from '@fastify/websocket';
import plugin from 'fastify-plugin';
import type { IncomingMessage, ServerOptions } from 'node:http';
import { INSPECT_PATH } from '../paths.ts';

/** The inspector's readers send nothing but pongs; a bigger message is none of theirs. */
const MAX_INCOMING_BYTES = 1_024;
const GOING_AWAY = 1001;

/** Node has the option since 22.21; its types do not know it yet. */
interface UpgradeOptions extends ServerOptions {
  shouldUpgradeCallback(request: IncomingMessage): boolean;
}

/**
 * Only the inspector speaks another protocol. Any other wish to change it (`h2c` of a client that could do HTTP/2, a WebSocket at an
 * ordinary route) is passed over, as HTTP allows: the request is answered like every other one.
 */
export const upgradeOptions: UpgradeOptions = {
  shouldUpgradeCallback: ({ headers, url = '' }) =>
    headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === INSPECT_PATH,
};

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
