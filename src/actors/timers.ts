import type { Incoming } from './incoming.ts';
import { timerEventId } from './incoming.ts';
import type { Delivery } from './pending.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';

interface TimerRow {
  readonly actor_id: string;
  readonly timer_id: string;
  readonly armed_seq: string;
  readonly event: Incoming['event'];
}

export interface TimersParts {
  readonly sql: Sql;
  readonly log: RuntimeLog;
  readonly deliver: (actorId: string, incoming: Incoming) => Promise<Delivery>;
}

/** Fires timers that are due by the database's clock. Firing twice is harmless: the armed number is taken once. */
export class Timers {
  readonly #parts: TimersParts;

  constructor(parts: TimersParts) {
    this.#parts = parts;
  }

  /** Fires what is due and gives the milliseconds to the next one, or null when none is armed. */
  async poll(): Promise<number | null> {
    const { sql, deliver, log } = this.#parts;
    const { rows } = await sql.query<TimerRow>(
      `SELECT actor_id, timer_id, armed_seq, event FROM timer t
       WHERE due_at <= db_now() AND NOT EXISTS (SELECT FROM actor_quarantine q WHERE q.actor_id = t.actor_id)
       ORDER BY due_at LIMIT 500`,
      [],
      'actors_timers_due',
    );
    for (const { actor_id: actorId, timer_id: timerId, armed_seq, event } of rows) {
      const armedSeq = Number(armed_seq);
      const incoming: Incoming = {
        id: timerEventId(actorId, timerId, armedSeq),
        event,
        sender: 'timer',
        principal: 'system',
        origin: { kind: 'timer', timerId, armedSeq },
      };
      deliver(actorId, incoming).catch((err: unknown) =>
        log.error({ err, actorId, timerId }, 'a timer could not be fired'),
      );
    }
    const next = await sql.query<{ ms: number | null }>(
      `SELECT (extract(epoch FROM min(due_at) - db_now()) * 1000)::float8 AS ms FROM timer WHERE due_at > db_now()`,
      [],
      'actors_timers_next',
    );
    return next.rows[0]?.ms ?? null;
  }
}
