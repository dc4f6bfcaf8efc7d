import { validate } from 'uuid';

import type { JournalRow } from './journal-row.ts';
import { entryOf, journalColumns } from './journal-row.ts';
import type { Cursor, FeedLag, FeedRead, JournalEntry, JournalFeed } from './journal-types.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';

const START = '0.00000000-0000-0000-0000-000000000000.0';

/** A cursor that no feed of ours gave out. */
export class InvalidCursor extends Error {
  constructor(cursor: string) {
    super(`"${cursor.slice(0, 80)}" is not a cursor of this feed; read without one to begin at the start`);
    this.name = 'InvalidCursor';
  }
}

/**
 * The journal in the order (xid, actor, seq), up to the oldest transaction that is still open: what commits later stands behind
 * what has been read, so a reader that resumes at its cursor misses nothing. A serial number would not give that: a lower one
 * may become visible after a higher one.
 */
export class Feed implements JournalFeed {
  readonly #sql: Sql;
  readonly #log: RuntimeLog;
  readonly #subscribers = new Set<() => void>();
  #newest = 0n;
  #recheck: NodeJS.Timeout | null = null;

  constructor(sql: Sql, log: RuntimeLog) {
    this.#sql = sql;
    this.#log = log;
  }

  async read({
    after = START,
    rootId,
    actorId,
    limit = 500,
  }: FeedRead): Promise<{ entries: JournalEntry[]; next: Cursor }> {
    const position = parse(after);
    const conditions = [
      rootId === undefined ? '' : 'AND root_id = $5',
      actorId === undefined ? '' : `AND actor_id = $${rootId === undefined ? 5 : 6}`,
    ];
    const filters = [rootId, actorId].filter((id) => id !== undefined);
    const { rows } = await this.#sql.query<JournalRow>(
      `SELECT ${journalColumns} FROM journal
       WHERE (xid, actor_id, seq) > ($1::xid8, $2::uuid, $3::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
         ${conditions.join(' ')}
       ORDER BY xid, actor_id, seq LIMIT $4`,
      [...position, limit, ...filters],
    );
    const entries = rows.map(entryOf);
    return { entries, next: entries.at(-1)?.cursor ?? after };
  }

  subscribe(onNews: () => void): () => void {
    // A wrapper each time, so that two subscriptions of one function are two.
    const subscriber = () => onNews();
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Something was committed, here or elsewhere. It may be readable only later, when older transactions have ended. */
  wake(xid: string): void {
    if (!/^\d{1,20}$/.test(xid)) return;
    if (BigInt(xid) > this.#newest) this.#newest = BigInt(xid);
    if (this.#subscribers.size > 0) this.#schedule(0);
  }

  async lag(): Promise<FeedLag> {
    const { rows } = await this.#sql.query<{
      entries: number;
      pid: number | null;
      datname: string | null;
      ms: number | null;
    }>(
      `SELECT (SELECT count(*) FROM (SELECT FROM journal WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) LIMIT 1000) l)::int AS entries,
         b.pid, b.datname, (extract(epoch FROM clock_timestamp() - b.xact_start) * 1000)::float8 AS ms
       FROM (SELECT) one LEFT JOIN LATERAL (
         SELECT pid, datname, xact_start FROM pg_stat_activity WHERE backend_xid IS NOT NULL
         ORDER BY age(backend_xid) DESC LIMIT 1) b ON true`,
    );
    const [row] = rows;
    const entries = row?.entries ?? 0;
    if (entries === 0 || row === undefined)
      return { entries, blockingPid: null, blockingDatabase: null, blockedForMs: null };
    return { entries, blockingPid: row.pid, blockingDatabase: row.datname, blockedForMs: row.ms };
  }

  stop(): void {
    if (this.#recheck !== null) clearTimeout(this.#recheck);
    this.#subscribers.clear();
  }

  #schedule(delayMs: number): void {
    this.#recheck ??= setTimeout(() => void this.#tell(delayMs), delayMs);
  }

  async #tell(lastDelayMs: number): Promise<void> {
    const newest = this.#newest;
    let isReadable = false;
    try {
      const { rows } = await this.#sql.query<{ xmin: string }>(
        `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin`,
        [],
        'actors_feed_horizon',
      );
      isReadable = newest < BigInt(rows[0]?.xmin ?? '0');
    } catch (err) {
      this.#log.warn({ err }, 'the feed could not ask how far it may be read');
    }
    this.#recheck = null;
    for (const subscriber of this.#subscribers) subscriber();
    if (this.#subscribers.size === 0) return;
    if (!isReadable) this.#schedule(Math.min(1_000, Math.max(10, lastDelayMs * 2)));
    else if (this.#newest > newest) this.#schedule(0);
  }
}

function parse(cursor: Cursor): [string, string, string] {
  const [xid = '', actorId = '', seq = '', ...rest] = cursor.split('.');
  if (rest.length > 0 || !/^\d{1,19}$/.test(xid) || !validate(actorId) || !/^\d{1,18}$/.test(seq))
    throw new InvalidCursor(cursor);
  return [xid, actorId, seq];
}
