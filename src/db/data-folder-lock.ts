import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { claimInstance, type InstanceClaim } from '../actors/instance.ts';
import { EmbeddedRefusal } from './embedded/embedded-refusal.ts';
import type { DatabaseLog } from './log.ts';
import { ConnectionSql } from './sql-pool.ts';

export interface DataFolderLockOptions {
  databaseUrl: string;
  instanceId: string;
  /** For the message. */
  folder: string;
  log: DatabaseLog;
  /** The lock was lost and another service has it: this one must end. */
  onLost(): void;
}

const starting = '(starting)';
const retryMs = 500;
/** PostgreSQL cuts application names here. */
const nameBytes = 63;

/**
 * One service for each data folder: a session claims the folder's instance id, and its application name says where that service
 * listens, so the one that comes second can name it. No file can be stale.
 */
export class DataFolderLock {
  readonly #options: DataFolderLockOptions;
  #client: pg.Client | null = null;
  #held: InstanceClaim | null = null;
  #url = starting;
  #closed = false;

  private constructor(options: DataFolderLockOptions) {
    this.#options = options;
  }

  /** Throws `data_folder_in_use`, naming the address of the service that has it. */
  static async take(options: DataFolderLockOptions): Promise<DataFolderLock> {
    const lock = new DataFolderLock(options);
    const holder = await lock.#tryTake();
    if (holder === null) return lock;
    const where = holder.startsWith('http') ? `at ${holder}` : 'and is just starting';
    throw new EmbeddedRefusal(
      'data_folder_in_use',
      `A Signalbox service already runs on ${options.folder} ${where}. Use that one, stop it first, or give this one a folder of its own in SIGNALBOX_DATA.`,
    );
  }

  /** For the runtime, which takes effects of this id back at once only while the claim is held. */
  get claim(): InstanceClaim {
    return {
      instanceId: this.#options.instanceId,
      isHeld: async (sql) => (await this.#held?.isHeld(sql)) ?? false,
    };
  }

  /** Says where the service listens, once that is known. */
  async announce(url: string): Promise<void> {
    this.#url = url;
    await this.#client?.query(`SELECT set_config('application_name', $1, false)`, [this.#name()]);
  }

  async release(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** Begins the application names of all who want this folder. */
  #prefix(): string {
    return `signalbox ${this.#options.instanceId.slice(0, 8)} at `;
  }

  #name(): string {
    return `${this.#prefix()}${this.#url}`.slice(0, nameBytes);
  }

  /** Null when the lock is ours; otherwise what its holder announced. */
  async #tryTake(): Promise<string | null> {
    const client = new pg.Client({
      connectionString: this.#options.databaseUrl,
      application_name: this.#name(),
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    const onLost = (): void => {
      if (this.#client !== client) return;
      this.#client = null;
      if (!this.#closed) void this.#takeAgain();
    };
    client.on('error', onLost);
    client.on('end', onLost);
    try {
      await client.connect();
      const held = await claimInstance(new ConnectionSql(client), this.#options.instanceId);
      if (held !== null) {
        this.#held = held;
        this.#client = client;
        return null;
      }
      const { rows } = await client.query<{ name: string }>(
        `SELECT application_name AS name FROM pg_stat_activity
          WHERE datname = current_database() AND starts_with(application_name, $1) AND pid <> pg_backend_pid()`,
        [this.#prefix()],
      );
      await client.end();
      const announced = rows.map(({ name }) => name.slice(this.#prefix().length));
      return announced.find((name) => name.startsWith('http')) ?? starting;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async #takeAgain(): Promise<void> {
    while (!this.#closed) {
      try {
        const holder = await this.#tryTake();
        if (holder === null) return;
        this.#options.log.error({ holder }, 'another service took over this data folder');
        this.#options.onLost();
        return;
      } catch {
        // The database is away; whoever comes back first has the lock.
        await delay(retryMs);
      }
    }
  }
}
