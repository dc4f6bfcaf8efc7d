import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';

export interface Sending {
  readonly signal: AbortSignal;
  readonly keepAliveMs: number;
  /** Takes a place among the open streams; throws when there is none. */
  readonly open: () => () => void;
  readonly log: FastifyBaseLogger;
}

const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;

/** Sends each message as JSON, the next one when the last has left us, until the end or the signal; then closes the socket. */
export async function sendAll(
  socket: WebSocket,
  messages: AsyncIterable<unknown>,
  { signal, keepAliveMs, open, log }: Sending,
): Promise<void> {
  let leave: () => void;
  try {
    leave = open();
  } catch {
    socket.close(TRY_AGAIN_LATER, 'too many streams');
    return;
  }
  const ping = setInterval(() => socket.ping(), keepAliveMs);
  // `ws` waits half a minute for a viewer that does not answer a close; a closing server does not have it.
  const cut = (): void => socket.terminate();
  try {
    for await (const message of messages) {
      if (signal.aborted) break;
      await new Promise<void>((resolve) => {
        socket.send(JSON.stringify(message), () => resolve());
      });
    }
    socket.close(GOING_AWAY, 'the server is closing');
  } catch (error) {
    log.warn({ err: error }, 'the inspector feed ended early');
    socket.close(INTERNAL_ERROR, 'ended early');
  } finally {
    clearInterval(ping);
    leave();
    setTimeout(cut, 1_000).unref();
  }
}
