import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';

export interface Sending {
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
  /** Asked at each ping; false ends the stream. */
  readonly isStillValid: () => Promise<boolean>;
  readonly keepAliveMs: number;
  readonly log: FastifyBaseLogger;
}

const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;

/**
 * Sends each message as JSON, the next one when the last has left us, until the viewer is gone, the server closes or the viewer's
 * token is over; then closes the socket.
 */
export async function sendAll(
  socket: WebSocket,
  messages: (signal: AbortSignal) => AsyncIterable<unknown>,
  { closing, isStillValid, keepAliveMs, log }: Sending,
): Promise<void> {
  const ended = new AbortController();
  const end = (code: number, why: string): void => {
    socket.close(code, why);
    ended.abort();
  };
  socket.once('close', () => ended.abort());
  const signal = AbortSignal.any([closing, ended.signal]);
  const stayAlive = async (): Promise<void> => {
    socket.ping();
    if (!(await isStillValid().catch(() => false))) end(POLICY_VIOLATION, 'the token is over');
  };
  const ping = setInterval(() => void stayAlive(), keepAliveMs);
  // `ws` waits half a minute for a viewer that does not answer a close; a closing server does not have it.
  const cut = (): void => socket.terminate();
  try {
    for await (const message of messages(signal)) {
      if (signal.aborted) break;
      await new Promise<void>((resolve) => {
        socket.send(JSON.stringify(message), () => resolve());
      });
    }
    end(GOING_AWAY, 'the server is closing');
  } catch (error) {
    log.warn({ err: error }, 'the inspector feed ended early');
    end(INTERNAL_ERROR, 'ended early');
  } finally {
    clearInterval(ping);
    setTimeout(cut, 1_000).unref();
  }
}
