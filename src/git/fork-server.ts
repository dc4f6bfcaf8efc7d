/**
 * `node fork-server.ts <socket>`: a process that does nothing but start others. The system copies the page tables of a process that
 * forks, which takes the longer the more memory it has; this one stays small, so that starting git costs the service next to nothing.
 *
 * Requests come as lines on stdin, replies go as lines to stdout. A child's stdin, stdout and stderr are connections to the socket of
 * the process that asked: no byte of them passes through here. It ends when its stdin does, and so with the process that started it,
 * however that ended; what it has started is asked to end then.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { ForkFault, ForkReply, ForkRequest } from './fork-protocol.ts';
import { signalGroup } from './process-group.ts';

const address = process.argv[2] ?? '';
/** Each leads a group of its own. */
const running = new Set<number>();

// Signals to a whole group or service mean the process that started this one: it decides, and this one ends with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stdout.on('error', () => process.exit());

function reply(message: ForkReply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function openStream(): Socket {
  const socket = connect(address);
  // The other side may drop it at any time; whoever waits for it is told.
  socket.on('error', () => undefined);
  // What comes next on it is the child's to read.
  return socket.pause();
}

async function greet(stream: Socket, greeting: string): Promise<void> {
  await once(stream, 'connect');
  await new Promise<void>((resolve, reject) => {
    stream.write(greeting, (error) => (error ? reject(error) : resolve()));
  });
}

async function start({ token, file, args, cwd, env }: ForkRequest): Promise<void> {
  const streams = [openStream(), openStream(), openStream()];
  const end = (): void => {
    for (const stream of streams) stream.destroy();
  };
  try {
    await Promise.all(streams.map((stream, place) => greet(stream, `${token}${place}`)));
  } catch (error) {
    end();
    return refuse(token, 'streams', error);
  }
  try {
    const child = spawn(file, args, { cwd, env, stdio: streams, detached: true });
    child.once('error', (error) => refuse(token, 'child', error));
    const { pid } = child;
    if (pid === undefined) return;
    running.add(pid);
    child.once('exit', (code, signal) => {
      running.delete(pid);
      reply({ token, exit: { code, signal } });
    });
    reply({ token, pid });
  } catch (error) {
    refuse(token, 'child', error);
  } finally {
    // The child has its own descriptors of them.
    end();
  }
}

function refuse(token: string, of: ForkFault['of'], error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  reply({ token, error: { of, code, message } });
}

const requests = createInterface({ input: process.stdin });
requests.on('line', (line) => void start(JSON.parse(line) as ForkRequest));
requests.on('close', () => {
  // Whoever listened there is gone, perhaps without the time to tidy up. TERM and not KILL: git removes its lock files then, and a git
  // that does not end is still known by its record.
  for (const pid of running) signalGroup(pid, 'SIGTERM');
  try {
    rmSync(address, { force: true });
    rmdirSync(dirname(address));
  } finally {
    process.exit();
  }
});
