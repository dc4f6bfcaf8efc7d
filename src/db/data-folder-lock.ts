import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { EmbeddedRefusal } from './embedded/embedded-refusal.ts';
import type { DatabaseLog } from './log.ts';

export interface DataFolderLockOptions {
  databaseUrl: string;
  instanceId: string;
  /** For the message. */
  folder: string;
  log: DatabaseLog;
  /** The lock was lost and another service has it: this one must end. */
  onLost(): void;
}

const prefix = 'signalbox at ';
const retryMs = 500;
/** PostgreSQL cuts application names here. */
const nameBytes = 63;

/**
 * One service for each data folder: a session holds an advisory lock on the folder's instance id. The session's application name says where that
 * service listens, so the one that comes second can name it; no file can be stale.
 */
export class DataFolderLock {
  readonly #options: DataFolderLockOptions;
  #client: pg.Client | null = null;
  #url = '(starting)';
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

  #name(): string {
    return `${prefix}${this.#url}`.slice(0, nameBytes);
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
      const { rows } = await client.query<{ taken: boolean }>(
        'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
        [this.#key()],
      );
      if (rows[0]?.taken === true) {
        this.#client = client;
        return null;
      }
      const holder = await client.query<{ name: string }>(
        `SELECT a.application_name AS name
           FROM pg_locks l JOIN pg_stat_activity a USING (pid), hashtextextended($1, 0) AS key
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (l.classid::bigint << 32 | l.objid::bigint) = key`,
        [this.#key()],
      );
      await client.end();
      return holder.rows[0]?.name.slice(prefix.length) ?? '(unknown)';
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  #key(): string {
    return `signalbox data folder ${this.#options.instanceId}`;
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
