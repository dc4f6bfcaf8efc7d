import type { RuntimeLog } from './runtime.ts';
import type { SqlPool } from './sql.ts';

const CHANNEL = 'actors';

export interface NotifierParts {
  readonly sql: SqlPool;
  readonly instanceId: string;
  readonly log: RuntimeLog;
  /** Gathers this long before it tells the others. */
  readonly gatherMs: number;
  readonly onNews: (xid: string) => void;
}

/**
 * Tells other processes that something was committed. One NOTIFY for all commits of a few milliseconds, outside of them: inside,
 * it would make every commit wait for a lock of the whole server. Losing one only means waiting for a poll.
 */
export class Notifier {
  readonly #parts: NotifierParts;
  #newest: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #unlisten: (() => Promise<void>) | null = null;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#unlisten = await this.#parts.sql.listen(CHANNEL, (payload) => {
      const [from, xid] = payload.split(' ');
      if (xid !== undefined && from !== this.#parts.instanceId) this.#parts.onNews(xid);
    });
  }

  tell(xid: string): void {
    this.#newest = xid;
    this.#timer ??= setTimeout(() => void this.#send(), this.#parts.gatherMs);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      await this.#send();
    }
    await this.#unlisten?.();
    this.#unlisten = null;
  }

  async #send(): Promise<void> {
    this.#timer = null;
    try {
      await this.#parts.sql.query(
        `SELECT pg_notify($1, $2)`,
        [CHANNEL, `${this.#parts.instanceId} ${this.#newest}`],
        'actors_notify',
      );
    } catch (err) {
      this.#parts.log.warn(
        { err },
        'other processes were not notified; they find the news at their next poll',
      );
    }
  }
}
