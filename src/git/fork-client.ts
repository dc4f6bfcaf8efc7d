import type { ForkCommand } from './fork-protocol.ts';
import type { ForkedChild } from './forked-child.ts';
import { RunningForkServer } from './running-fork-server.ts';

/**
 * Starts processes through a fork server, a small process of its own. The server is started with the first child, and anew when it
 * was killed. It does not keep this process from ending, and ends with it.
 */
class ForkClient {
  #server: Promise<RunningForkServer> | null = null;

  /**
   * Rejects with the system's error (with its `code`: ENOENT, EAGAIN) when the child can not be started. The streams want to be listened
   * to at once: when the child has ended, what nobody listens to is dropped.
   * `node` is for a server that has to be started for it.
   */
  async start(command: ForkCommand, node = process.execPath): Promise<ForkedChild> {
    const server = (this.#server ??= this.#open(node));
    return (await server).start(command);
  }

  #open(node: string): Promise<RunningForkServer> {
    const server = RunningForkServer.open(node, () => {
      if (this.#server === server) this.#server = null;
    });
    server.catch(() => {
      if (this.#server === server) this.#server = null;
    });
    return server;
  }
}

/** One is enough for a process. */
export const forks = new ForkClient();
