import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseLog } from './log.ts';

type OnNotify = (payload: string) => void;

/** How long a lost listener waits before it tries again; short, because nothing else notices that notifications stopped. */
const reconnectMs = 250;

/**
 * One client that listens for the whole process. Notifications sent while it was away are lost, so after every reconnect each listener is
 * called once with an empty payload: "read again, something may have happened".
 */
export class NotificationListener {
  readonly #config: pg.ClientConfig;
  readonly #log: DatabaseLog;
  readonly #listeners = new Map<string, Set<OnNotify>>();
  #client: pg.Client | null = null;
  #connecting: Promise<void> | null = null;
  #closed = false;

  constructor(config: pg.ClientConfig, log: DatabaseLog) {
    this.#config = config;
    this.#log = log;
  }

  async listen(channel: string, onNotify: OnNotify): Promise<() => Promise<void>> {
    const known = this.#listeners.get(channel);
    const listeners = known ?? new Set<OnNotify>();
    listeners.add(onNotify);
    this.#listeners.set(channel, listeners);
    await this.#connected();
    if (known === undefined) await this.#client?.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    return async () => {
      listeners.delete(onNotify);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      await this.#client?.query(`UNLISTEN ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    await this.#connecting?.catch(() => undefined);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connected(): Promise<void> {
    if (this.#closed) throw new Error('the notification listener is closed');
    if (this.#client !== null) return;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ ...this.#config, keepAlive: true });
    let lost = false;
    const onLost = (): void => {
      if (lost) return;
      lost = true;
      if (this.#client !== client) return;
      this.#client = null;
      void this.#reconnect();
    };
    client.on('error', onLost);
    client.on('end', onLost);
    client.on('notification', ({ channel, payload }) => {
      for (const onNotify of this.#listeners.get(channel) ?? []) onNotify(payload ?? '');
    });
    try {
      await client.connect();
      for (const channel of this.#listeners.keys())
        await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      lost = true;
      await client.end().catch(() => undefined);
      throw error;
    }
    if (lost) throw new Error('the connection was lost while it began to listen');
    this.#client = client;
  }

  async #reconnect(): Promise<void> {
    this.#log.warn({}, 'the connection that listens for notifications was lost; connecting again');
    while (!this.#closed && this.#client === null) {
      try {
        await this.#connected();
      } catch {
        await delay(reconnectMs);
      }
    }
    if (this.#closed) return;
    for (const listeners of this.#listeners.values()) for (const onNotify of listeners) onNotify('');
  }
}
