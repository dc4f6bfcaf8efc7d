import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type ForkCommand,
  type ForkFault,
  type ForkReply,
  type ForkRequest,
  GREETING_BYTES,
} from './fork-protocol.ts';
import { type ForkedChild, ForkingChild, ForkServerError } from './forked-child.ts';
import { endGroup } from './process-group.ts';

/** The address of a socket has room for about a hundred bytes. */
const LONGEST_FOLDER = 70;

const program = fileURLToPath(new URL('./fork-server.mjs', import.meta.url));

type ServerProcess = ChildProcessByStdio<Writable, Readable, null>;

/** The fork server as the process sees it that asked for it: its requests, its replies, and the streams of the children. */
export class RunningForkServer {
  readonly #process: ServerProcess;
  readonly #children = new Map<string, ForkingChild>();
  readonly #onRetire: () => void;
  #isRetired = false;

  /** `onRetire` is told when it takes no more requests. */
  static async open(node: string, onRetire: () => void): Promise<RunningForkServer> {
    const folder = mkdtempSync(join(tmpdir().length > LONGEST_FOLDER ? '/tmp' : tmpdir(), 'signalbox-fork-'));
    const address = join(folder, 'streams');
    // A child's output goes on after its input has been closed, and the other way round.
    const listener = createServer({ allowHalfOpen: true }).listen(address);
    try {
      await once(listener, 'listening');
      const server = spawn(node, [program, address], {
        cwd: '/',
        env: {},
        stdio: ['pipe', 'pipe', 'inherit'],
        detached: true,
      });
      await once(server, 'spawn');
      server.once('exit', () => {
        listener.close();
        rmSync(folder, { recursive: true, force: true });
      });
      return new RunningForkServer(server, listener, onRetire);
    } catch (error) {
      listener.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(server: ServerProcess, listener: Server, onRetire: () => void) {
    this.#process = server;
    this.#onRetire = onRetire;
    listener.unref().on('connection', (socket) => this.#welcome(socket));
    server.unref();
    (server.stdin as Socket).unref();
    // Its exit says the same.
    server.stdin.on('error', () => undefined);
    createInterface({ input: server.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as ForkReply));
    this.#keepAwake();
    server.once('exit', () => {
      for (const child of this.#children.values())
        child.abandon(new ForkServerError('the process that starts others has ended'));
      this.#children.clear();
      onRetire();
    });
  }

  async start(command: ForkCommand): Promise<ForkedChild> {
    const token = randomBytes(16).toString('hex');
    const child = new ForkingChild();
    this.#children.set(token, child);
    this.#keepAwake();
    const forget = (): void => {
      this.#children.delete(token);
      this.#keepAwake();
      this.#endWhenIdle();
    };
    child.ended.then(forget, forget);
    const request: ForkRequest = { token, ...command };
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    try {
      return await child.started;
    } catch (error) {
      if (error instanceof ForkServerError) this.#retire();
      throw error;
    }
  }

  /** The next child is for a new server (the folder of the socket may be gone); this one ends with the last child that it has. */
  #retire(): void {
    this.#isRetired = true;
    this.#onRetire();
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#isRetired && this.#children.size === 0) this.#process.stdin.end();
  }

  /** This process may end while none of its children runs. */
  #keepAwake(): void {
    const replies = this.#process.stdout as Socket;
    if (this.#children.size > 0) replies.ref();
    else replies.unref();
  }

  #hear(reply: ForkReply): void {
    const child = this.#children.get(reply.token);
    if ('pid' in reply) {
      // It was given up before it began: nobody has a deadline for it.
      if (child === undefined) endGroup(reply.pid);
      else child.hasStarted(reply.pid);
    } else if ('exit' in reply) child?.hasEnded(reply.exit);
    else child?.abandon(errorOf(reply.error));
  }

  #welcome(socket: Socket): void {
    // A reset says no more than an end: the exit of the child says how it ended.
    socket.on('error', () => undefined);
    const leave = (): void => void socket.destroy();
    const greeting = (): void => {
      const bytes = socket.read(GREETING_BYTES) as Buffer | null;
      if (bytes === null) return;
      socket.off('readable', greeting).off('end', leave);
      const text = bytes.toString('latin1');
      const child = this.#children.get(text.slice(0, -1));
      if (child === undefined) leave();
      else child.connect(Number(text.at(-1)), socket);
    };
    socket.on('readable', greeting).on('end', leave);
  }
}

function errorOf({ of, code, message }: ForkFault): Error {
  return of === 'streams' ? new ForkServerError(message) : Object.assign(new Error(message), { code });
}
