import { createServer, type Server } from 'node:net';
import { until } from './until.ts';

/** Listens on a port as a program that has nothing to do with us, as soon as it is free. */
export function takePort(port: number): Promise<Server> {
  return until(`port ${port} to be free`, () => {
    const server = createServer((socket) => socket.destroy());
    return new Promise<Server | null>((resolve) => {
      server.once('error', () => resolve(null));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
    });
  });
}
