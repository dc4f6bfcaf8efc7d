import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from './client.ts';
import type { Child, Children } from './children.ts';

const MAIN = join(import.meta.dirname, '..', 'main.ts');
/** The first start makes a database. */
const START_MS = 90_000;
/** The shortest the service takes: a lost agent is noticed within the demo. */
const AGENT_LEASE_SECONDS = 5;

/** The service as users run it: a process of its own, on a data folder and a port of its own. */
export class ServiceProcess {
  readonly dataFolder: string;
  readonly url: string;
  readonly #children: Children;
  readonly #env: Readonly<Record<string, string>>;
  readonly #logFile: string;
  #child: Child | null = null;

  constructor(children: Children, folder: string, port: number, userEnv: Readonly<Record<string, string>>) {
    this.#children = children;
    this.dataFolder = join(folder, 'data');
    this.url = `http://127.0.0.1:${port}`;
    this.#logFile = join(folder, 'service.log');
    this.#env = {
      ...userEnv,
      SIGNALBOX_DATA: this.dataFolder,
      SIGNALBOX_PORT: String(port),
      SIGNALBOX_AGENT_LEASE_SECONDS: String(AGENT_LEASE_SECONDS),
    };
  }

  get hubFolder(): string {
    return join(this.dataFolder, 'hub');
  }

  /** Starts it and waits until it is ready. Throws with the end of its log when it ends instead; at the signal it waits no longer. */
  async start(signal: AbortSignal): Promise<void> {
    const child = this.#children.start({
      command: process.execPath,
      args: [MAIN],
      cwd: this.dataFolder,
      env: this.#env,
      logFile: this.#logFile,
      asked: 'process',
    });
    this.#child = child;
    const probe = new Client(() => this.url, '', signal);
    const until = Date.now() + START_MS;
    while (!(await probe.isReady())) {
      signal.throwIfAborted();
      if (!child.isRunning) throw new Error(`the service did not start:\n${child.logTail()}`);
      if (Date.now() > until)
        throw new Error(`the service was not ready in ${START_MS / 1_000} s:\n${child.logTail()}`);
      await pause(100);
    }
  }

  /** Ends it without a warning, as a crash does; whoever serves its data folder next has to cope. */
  async kill(): Promise<void> {
    this.#child?.signal('SIGKILL', 'process');
    await this.#child?.ended;
  }

  async adminToken(): Promise<string> {
    return (await readFile(join(this.dataFolder, 'admin-token'), 'utf8')).trim();
  }
}

/** A port that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
