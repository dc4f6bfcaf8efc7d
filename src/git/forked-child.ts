import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ChildExit } from './fork-protocol.ts';
import { endGroup } from './process-group.ts';

/** How long a start may take; all that it waits for is on this machine. */
const START_MS = 10_000;

/** The fault lies between the fork server and whoever asked it, and not in what was to be started: the same may work with a new one. */
export class ForkServerError extends Error {
  override readonly name = 'ForkServerError';
}

/** A process that leads a group of its own. */
export interface ForkedChild {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when it has ended and its streams are closed. Rejects when nobody can tell how it ended, because the fork server ended first. */
  readonly ended: Promise<ChildExit>;
}

/** A child between its request and its end. Its parts come in any order: the pid, three streams, the exit. */
export class ForkingChild {
  readonly started: Promise<ForkedChild>;
  readonly ended: Promise<ChildExit>;
  readonly #started = Promise.withResolvers<ForkedChild>();
  readonly #ended = Promise.withResolvers<ChildExit>();
  readonly #streams: (Socket | undefined)[] = [undefined, undefined, undefined];
  readonly #timer: NodeJS.Timeout;
  #pid: number | undefined;

  constructor() {
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    this.ended.catch(() => undefined);
    this.#timer = setTimeout(
      () => this.abandon(new ForkServerError('a process was to be started, and its streams did not come')),
      START_MS,
    );
  }

  connect(place: number, socket: Socket): void {
    this.#streams[place] = socket;
    this.#check();
  }

  hasStarted(pid: number): void {
    this.#pid = pid;
    this.#check();
  }

  hasEnded(exit: ChildExit): void {
    void this.started.then(
      ({ stdin, stdout, stderr }) => {
        let open = 2;
        const onClose = (): void => {
          open -= 1;
          if (open === 0) this.#ended.resolve(exit);
        };
        stdin.destroy();
        for (const stream of [stdout, stderr]) {
          if (stream.closed) onClose();
          else stream.once('close', onClose);
        }
        // Not before whoever asked for the child had its turn to listen.
        setImmediate(() => {
          stdout.resume();
          stderr.resume();
        });
      },
      () => undefined,
    );
  }

  /** It never started, or nobody will hear how it ended. */
  abandon(error: Error): void {
    clearTimeout(this.#timer);
    if (this.#pid !== undefined) endGroup(this.#pid);
    this.#started.reject(error);
    this.#ended.reject(error);
    for (const stream of this.#streams) stream?.destroy();
  }

  #check(): void {
    const [stdin, stdout, stderr] = this.#streams;
    const pid = this.#pid;
    if (pid === undefined || stdin === undefined || stdout === undefined || stderr === undefined) return;
    clearTimeout(this.#timer);
    // Nothing is said to a child through these two: they are closed when it has closed them.
    stdout.end();
    stderr.end();
    this.#started.resolve({ pid, stdin, stdout, stderr, ended: this.ended });
  }
}
