/**
 * The bodies that run in this process. The runtime does not wait for one that it has aborted, and a body that is on its way to its
 * next look at the signal still uses the database and the hub: whoever closes those waits here first.
 */
export class RunningBodies {
  readonly #running = new Set<Promise<unknown>>();

  async track<T>(body: Promise<T>): Promise<T> {
    this.#running.add(body);
    try {
      return await body;
    } finally {
      this.#running.delete(body);
    }
  }

  /** Waits for all of them, but not for longer than `limitMs`: what a remote holds up is cut with the process. */
  async ended(limitMs: number): Promise<void> {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, limitMs);
    await Promise.race([Promise.allSettled(this.#running), limit.promise]);
    clearTimeout(timer);
  }
}
