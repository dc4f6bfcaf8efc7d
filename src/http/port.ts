import { createServer } from 'node:net';

export interface Port {
  readonly host: string;
  readonly port: number;
}

/** What the system says of a port that can not be listened on, and what that means. */
const refusals: Readonly<Record<string, (at: Port) => string>> = {
  EADDRINUSE: ({ host, port }) =>
    `Port ${port} on ${host} is taken by another program; set SIGNALBOX_PORT to another one.`,
  EACCES: ({ host, port }) =>
    `Port ${port} on ${host} is not allowed to this user; set SIGNALBOX_PORT to another one.`,
  EADDRNOTAVAIL: ({ host }) => `${host} is no address of this machine; set SIGNALBOX_HOST to one that is.`,
};

/** The service can not listen where it should; the message is for the person who starts it. */
export class PortUnusable extends Error {
  override readonly name = 'PortUnusable';
}

/** Waits for what listens on a port. Throws `PortUnusable` where the system refuses that. */
export async function onPort<T>(at: Port, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (error) {
    const sentence = refusals[(error as NodeJS.ErrnoException).code ?? ''];
    if (sentence === undefined) throw error;
    throw new PortUnusable(sentence(at), { cause: error });
  }
}

/** Listens for a moment, so that nothing is begun by a service that nobody could reach. Throws `PortUnusable`. */
export async function tryPort(at: Port): Promise<void> {
  const server = createServer();
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: at.host, port: at.port, exclusive: true }, resolve);
  });
  await onPort(at, listening);
  await new Promise((resolve) => server.close(resolve));
}
