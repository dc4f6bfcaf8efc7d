import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseLog } from '../log.ts';
import { serverLock, stopServerOf } from './running-server.ts';

export interface ServerSessionOptions {
  /** The database `postgres` of the server: session locks count per database. */
  url: string;
  log: DatabaseLog;
  /** Starts the server if it is gone; returns without doing anything while it is busy starting or stopping. */
  revive(): Promise<void>;
}

const retryMs = 200;
const slowRetryMs = 2_000;

/**
 * This process's claim on the server: a session with the shared lock. As long as one such session lives nobody stops the server. When the session is lost
 * the server has probably died: it is revived and the claim renewed, for as long as it takes (a full disk may be emptied).
 */
export class ServerSession {
  readonly #options: ServerSessionOptions;
  #client: pg.Client | null = null;
  #opening: Promise<void> | null = null;
  #closed = false;
  #trouble: string | null = null;

  constructor(options: ServerSessionOptions) {
    this.#options = options;
  }

  open(): Promise<void> {
    this.#opening ??= this.#openUntilDone().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** Why the server can not be had back so far; null while it is had, or is being started. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Stops the server if no other process uses it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    // It may have been started again a moment ago, before this session had its lock back: it must not be left behind.
    if (this.#client === null) await this.#tryOpen().catch(() => false);
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    try {
      await client.query('SELECT pg_advisory_unlock_shared($1)', [serverLock]);
      const { rows } = await client.query<{ last: boolean }>('SELECT pg_try_advisory_lock($1) AS last', [
        serverLock,
      ]);
      // Held through the stop: whoever comes now sees the lock, waits, and starts the server anew.
      if (rows[0]?.last === true) {
        await stopServerOf(client);
        this.#options.log.info({}, 'stopped PostgreSQL');
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #openUntilDone(): Promise<void> {
    for (let failures = 0; !this.#closed; failures++) {
      try {
        if (await this.#tryOpen()) {
          this.#trouble = null;
          return;
        }
      } catch (error) {
        try {
          await this.#options.revive();
        } catch (reviveError) {
          const trouble = reviveError instanceof Error ? reviveError.message : String(reviveError);
          if (trouble !== this.#trouble || failures % 30 === 0)
            this.#options.log.error(
              { err: reviveError, lost: error },
              'PostgreSQL is down and does not start',
            );
          this.#trouble = trouble;
          await delay(slowRetryMs);
        }
      }
      await delay(retryMs);
    }
  }

  /** False when the server is being stopped by its last user. */
  async #tryOpen(): Promise<boolean> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      application_name: 'signalbox session',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    const onLost = (): void => {
      if (this.#client !== client) return;
      this.#client = null;
      if (this.#closed) return;
      this.#options.log.warn({}, 'lost PostgreSQL; looking whether it lives');
      void this.open();
    };
    client.on('error', onLost);
    client.on('end', onLost);
    try {
      await client.connect();
      const { rows } = await client.query<{ joined: boolean }>(
        'SELECT pg_try_advisory_lock_shared($1) AS joined',
        [serverLock],
      );
      if (rows[0]?.joined === true) {
        this.#client = client;
        return true;
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    await client.end().catch(() => undefined);
    return false;
  }
}
