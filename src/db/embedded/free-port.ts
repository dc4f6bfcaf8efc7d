import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that Linux (32768) and macOS (49152) give to outgoing connections: a server that is down for a moment finds its port free again. */
const range = { from: 20_000, to: 32_000 };

/** A port of 127.0.0.1 that nobody listens on now. Whoever uses it must still expect to lose the race for it. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(range.from, range.to);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port between ${range.from} and ${range.to} on 127.0.0.1`);
}

/** Whether nobody listens on the port of 127.0.0.1 at this moment. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
