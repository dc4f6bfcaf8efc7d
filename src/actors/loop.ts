import type { RuntimeLog } from './runtime.ts';

/**
 * Runs work again and again: after its own wish (milliseconds) or the interval, whichever is sooner, and at once when woken.
 * A failure is logged and tried again; two runs never overlap.
 */
export class Loop {
  readonly #name: string;
  readonly #work: (isWoken: boolean) => Promise<number | null>;
  readonly #intervalMs: number;
  readonly #log: RuntimeLog;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #isWoken = false;
  #isStopped = true;

  constructor(
    name: string,
    intervalMs: number,
    log: RuntimeLog,
    work: (isWoken: boolean) => Promise<number | null>,
  ) {
    this.#name = name;
    this.#intervalMs = intervalMs;
    this.#log = log;
    this.#work = work;
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  wake(): void {
    if (this.#isStopped) return;
    this.#isWoken = true;
    if (this.#running === null) this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #run(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const isWoken = this.#isWoken;
    this.#isWoken = false;
    this.#running = this.#work(isWoken)
      .catch((err: unknown) => {
        if (!this.#isStopped)
          this.#log.warn({ err, loop: this.#name }, 'a loop of the runtime failed and goes on');
        return null;
      })
      .then((wishMs) => {
        this.#running = null;
        if (this.#isStopped) return;
        if (this.#isWoken) return this.#run();
        this.#timer = setTimeout(
          () => this.#run(),
          Math.max(1, Math.min(this.#intervalMs, wishMs ?? this.#intervalMs)),
        );
      });
  }
}
