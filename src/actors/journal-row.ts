import type { JournalEntry } from './journal-types.ts';
import type { Origin } from './incoming.ts';
import type { JsonObject } from './json.ts';

/** A row of `journal`. */
export interface JournalRow {
  readonly actor_id: string;
  readonly root_id: string;
  readonly machine: string;
  readonly seq: string;
  readonly event_id: string;
  readonly type: string;
  readonly event: JsonObject;
  readonly sender: JournalEntry['sender'];
  readonly principal: string;
  readonly outcome: JournalEntry['outcome'];
  readonly answer: JournalEntry['answer'];
  readonly effect_id: string | null;
  readonly origin: Origin | null;
  readonly xid: string;
  readonly at: Date;
}

export const journalColumns = `actor_id, root_id, machine, seq, event_id, type, event, sender, principal, outcome, answer,
  effect_id, origin, xid::text AS xid, at`;

export function entryOf(row: JournalRow): JournalEntry {
  return {
    actorId: row.actor_id,
    rootId: row.root_id,
    machine: row.machine,
    seq: Number(row.seq),
    eventId: row.event_id,
    type: row.type,
    event: row.event,
    sender: row.sender,
    principal: row.principal,
    outcome: row.outcome,
    answer: row.answer,
    effectId: row.effect_id,
    at: row.at,
    cursor: `${row.xid}.${row.actor_id}.${row.seq}`,
  };
}
