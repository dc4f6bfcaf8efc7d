import { once } from 'node:events';
import type { FastifyReply } from 'fastify';

/** Tells a browser how long to wait before it comes back. */
const RETRY_MS = 1_000;

/**
 * Server-sent events on the raw response. Not through a plugin: the stream has to say hello before the first event, stop
 * writing to a reader that does not read, and end when the server closes, which is most of what there is.
 */
export class EventStream {
  readonly #raw: FastifyReply['raw'];
  readonly #keepAlive: NodeJS.Timeout;
  readonly #ended = new AbortController();

  /** `onKeepAlive` may end the stream by answering false. */
  constructor(reply: FastifyReply, keepAliveMs: number, onKeepAlive: () => Promise<boolean>) {
    this.#raw = reply.raw;
    reply.hijack();
    // A reader that left while its token or its place was checked has been reported already, and is not reported again.
    if (this.#raw.destroyed) this.#ended.abort();
    this.#raw.once('close', () => this.#ended.abort());
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) this.#raw.setHeader(name, value);
    }
    this.#raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // Proxies that buffer would hold events back until there is enough of them.
      'x-accel-buffering': 'no',
    });
    this.#keepAlive = setInterval(() => void this.#stayAlive(onKeepAlive), keepAliveMs);
  }

  /** Aborted when the reader is gone or the stream was ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Says at once that the stream is open, and from where it reads. */
  async hello(data: unknown): Promise<void> {
    await this.#write(`retry: ${RETRY_MS}\nevent: hello\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** `id` is what the reader sends as Last-Event-ID when it comes back. */
  async send(event: string, id: string, data: unknown): Promise<void> {
    await this.#write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.#ended.abort();
    this.#raw.end();
  }

  async #stayAlive(mayGoOn: () => Promise<boolean>): Promise<void> {
    this.#raw.write(': still here\n\n');
    if (!(await mayGoOn().catch(() => false))) this.end();
  }

  async #write(text: string): Promise<void> {
    if (this.#ended.signal.aborted || this.#raw.write(text)) return;
    // A reader that does not read must not fill our memory: wait until it has.
    await once(this.#raw, 'drain', { signal: this.#ended.signal }).catch(() => undefined);
  }
}
