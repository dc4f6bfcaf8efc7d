import { v5 } from 'uuid';

import type { Incoming, Origin } from './incoming.ts';
import type { Outcome } from './outcome.ts';
import type { Delivery } from './pending.ts';
import type { Sql } from './sql.ts';

interface QuarantineRow {
  readonly id: string;
  readonly input: {
    event: Incoming['event'];
    sender: Incoming['sender'];
    principal: string;
    origin: Origin | null;
  } | null;
}

/**
 * Lifts the quarantine of an actor. What was rejected is applied again, and the quarantine ends in that very commit; where nothing
 * was consumed the quarantine just ends, and what waits comes again by itself. Null when the actor was in none.
 */
export async function replay(
  sql: Sql,
  actorId: string,
  deliver: (actorId: string, incoming: Incoming) => Promise<Delivery>,
): Promise<Outcome | 'lifted' | null> {
  const { rows } = await sql.query<QuarantineRow>(
    `SELECT id, input FROM actor_quarantine WHERE actor_id = $1 ORDER BY at LIMIT 1`,
    [actorId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  if (row.input === null) {
    await sql.query(`DELETE FROM actor_quarantine WHERE id = $1`, [row.id]);
    return 'lifted';
  }
  const { event, sender, principal, origin } = row.input;
  const delivery = await deliver(actorId, {
    id: v5('replay', row.id),
    event,
    sender,
    principal,
    origin: { kind: 'quarantine', quarantineId: row.id, of: origin },
  });
  return delivery.outcome === 'dropped' ? null : delivery;
}
