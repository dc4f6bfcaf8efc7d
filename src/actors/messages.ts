import type { Incoming } from './incoming.ts';
import type { JsonObject } from './json.ts';
import type { Delivery } from './pending.ts';
import type { PlannedMessage } from './plan.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';

interface MessageRow {
  readonly id: string;
  readonly from_id: string;
  readonly to_id: string;
  readonly seq: string;
  readonly place: number;
  readonly event: JsonObject;
}

export interface MessagesParts {
  readonly sql: Sql;
  readonly log: RuntimeLog;
  readonly deliver: (actorId: string, incoming: Incoming) => Promise<Delivery>;
}

/** Carries messages from their table to the mailboxes, in the order they were sent. */
export class Messages {
  readonly #parts: MessagesParts;

  constructor(parts: MessagesParts) {
    this.#parts = parts;
  }

  /** Straight after the commit that wrote it, without reading it back. */
  deliver({ id, fromId, toId, seq, place, event }: PlannedMessage): void {
    const incoming: Incoming = {
      id,
      event: JSON.parse(JSON.stringify(event)) as Incoming['event'],
      sender: 'message',
      principal: `actor:${fromId}`,
      origin: { kind: 'message', messageId: id, fromId, seq, place },
    };
    this.#parts
      .deliver(toId, incoming)
      .catch((err: unknown) =>
        this.#parts.log.error({ err, messageId: id }, 'a message could not be delivered'),
      );
  }

  /**
   * Delivers what other processes left behind: messages older than `graceMs`, which their sender's process would have
   * delivered itself if it could. Gives how many there were.
   */
  async poll(graceMs: number): Promise<number> {
    const { rows } = await this.#parts.sql.query<MessageRow>(
      `SELECT id, from_id, to_id, seq, place, event FROM message m
       WHERE created_at <= db_now() - $1 * interval '1 millisecond'
         AND NOT EXISTS (SELECT FROM actor_quarantine q WHERE q.actor_id = m.to_id)
       ORDER BY created_at, seq, place LIMIT 500`,
      [graceMs],
      'actors_messages',
    );
    for (const row of rows) {
      const { id, from_id: fromId, to_id: toId, place, event } = row;
      this.deliver({ id, fromId, toId, place, event, seq: Number(row.seq), rootId: toId });
    }
    return rows.length;
  }

  /** Puts a message aside whose receiver does not exist, unless it has been born meanwhile. */
  async bury(messageId: string): Promise<void> {
    try {
      await this.#parts.sql.query(
        `WITH gone AS (DELETE FROM message m WHERE m.id = $1 AND NOT EXISTS (SELECT FROM actor a WHERE a.id = m.to_id) RETURNING m.*)
         INSERT INTO dead_letter (id, from_id, to_id, root_id, event, created_at)
         SELECT id, from_id, to_id, root_id, event, created_at FROM gone`,
        [messageId],
      );
      this.#parts.log.warn(
        { messageId },
        'a message to an actor that does not exist was put among the dead letters',
      );
    } catch (err) {
      this.#parts.log.warn(
        { err, messageId },
        'a message to an actor that does not exist waits for the next poll',
      );
    }
  }
}
