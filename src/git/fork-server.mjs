// @ts-check
/**
 * `node fork-server.mjs <socket>`: a process that does nothing but start others. The system copies the page tables of a process that
 * forks, which takes the longer the more memory it has; this one stays small, so that starting git costs the service next to nothing.
 * It is JavaScript for that: what Node needs to read TypeScript is more than all the rest.
 *
 * Requests come as lines on stdin, replies go as lines to stdout. A child's stdin, stdout and stderr are connections to the socket of
 * the process that asked: no byte of them passes through here. It ends when its stdin does, and so with the process that started it,
 * however that ended; what it has started is asked to end then.
 *
 * @typedef {import('./fork-protocol.ts').ForkFault} ForkFault
 * @typedef {import('./fork-protocol.ts').ForkReply} ForkReply
 * @typedef {import('./fork-protocol.ts').ForkRequest} ForkRequest
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const address = process.argv[2] ?? '';
/**
 * Each leads a group of its own.
 * @type {Set<number>}
 */
const running = new Set();

// Signals to a whole group or service mean the process that started this one: it decides, and this one ends with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdout.on('error', () => process.exit());

/** @param {ForkReply} message */
function reply(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function openStream() {
  const socket = connect(address);
  // The other side may drop it at any time; whoever waits for it is told.
  socket.on('error', () => undefined);
  // What comes next on it is the child's to read.
  return socket.pause();
}

/**
 * @param {import('node:net').Socket} stream
 * @param {string} greeting
 */
async function greet(stream, greeting) {
  await once(stream, 'connect');
  await new Promise((resolve, reject) => {
    stream.write(greeting, (error) => (error ? reject(error) : resolve(null)));
  });
}

/** @param {ForkRequest} request */
async function start({ token, file, args, cwd, env }) {
  const streams = [openStream(), openStream(), openStream()];
  const end = () => {
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

/**
 * @param {string} token
 * @param {ForkFault['of']} of
 * @param {unknown} error
 */
function refuse(token, of, error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  reply({ token, error: { of, code, message } });
}

/** @param {number} pid */
function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

const requests = createInterface({ input: process.stdin });
requests.on('line', (line) => void start(/** @type {ForkRequest} */ (JSON.parse(line))));
requests.on('close', () => {
  // Whoever listened there is gone, perhaps without the time to tidy up. TERM and not KILL: git removes its lock files then, and a git
  // that does not end is still known by its record.
  for (const pid of running) endGroup(pid);
  try {
    rmSync(address, { force: true });
    rmdirSync(dirname(address));
  } finally {
    process.exit();
  }
});
