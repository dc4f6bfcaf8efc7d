import { isDeepStrictEqual } from 'node:util';

import type { Actor } from './actor-state.ts';
import { bear } from './birth.ts';
import type { Incoming } from './incoming.ts';
import type { JournalRow } from './journal-row.ts';
import { journalColumns } from './journal-row.ts';
import type { JsonObject } from './json.ts';
import type { Registry } from './registry.ts';
import { persist, restore } from './snapshot-codec.ts';
import type { Sql } from './sql.ts';
import { step } from './step.ts';

/** A journal that does not lead to its snapshot, or has a hole. */
export class BrokenJournal extends Error {
  constructor(actorId: string, message: string) {
    super(`the journal of actor ${actorId} is broken: ${message}`);
    this.name = 'BrokenJournal';
  }
}

/** What an actor's journal says that it is; starts at the newest entry that holds a whole state. Throws `BrokenJournal`. */
export function fold(registry: Registry, parentId: string | null, entries: readonly JournalRow[]): Actor {
  const start = entries.findLastIndex(
    ({ sender, type }) => sender === 'runtime' && (type === 'actor.created' || type === 'actor.upgraded'),
  );
  const first = entries[start];
  if (first === undefined) throw new BrokenJournal('?', 'it has no entry to start from');
  let actor = begin(registry, parentId, first);
  for (const entry of entries.slice(start + 1)) {
    if (Number(entry.seq) !== actor.version + 1)
      throw new BrokenJournal(actor.id, `entry ${entry.seq} follows entry ${actor.version}`);
    // A rejected event changed nothing, and its guard may throw no more.
    if (entry.outcome === 'rejected') actor = { ...actor, version: actor.version + 1 };
    else actor = again(registry, actor, entry);
  }
  return actor;
}

function begin(registry: Registry, parentId: string | null, entry: JournalRow): Actor {
  const { actor_id: id, machine, root_id: rootId, principal } = entry;
  if (entry.type === 'actor.created') {
    return bear(registry, {
      id,
      machine,
      rootId,
      parentId,
      principal,
      input: entry.event.input as JsonObject,
    }).actor;
  }
  const state = restore(registry.get(machine).scope, entry.event.snapshot as JsonObject);
  return { id, machine, rootId, parentId, version: Number(entry.seq), state };
}

function again(registry: Registry, actor: Actor, entry: JournalRow): Actor {
  const { event_id: id, sender, principal, origin } = entry;
  const incoming: Incoming = {
    id,
    event: entry.event as Incoming['event'],
    sender: sender as Incoming['sender'],
    principal,
    origin,
  };
  const stepped = step(registry, actor, incoming);
  if (stepped.result !== 'applied' || stepped.entry.outcome !== entry.outcome) {
    const now = stepped.result === 'applied' ? stepped.entry.outcome : stepped.result;
    throw new BrokenJournal(
      actor.id,
      `entry ${entry.seq} (${entry.type}) was ${entry.outcome} and is ${now} now`,
    );
  }
  return stepped.actor;
}

/** Throws `BrokenJournal` unless the journal of an actor is whole and folds to its snapshot. */
export async function verify(sql: Sql, registry: Registry, actorId: string): Promise<void> {
  // One statement, so that both are of one instant.
  const { rows } = await sql.query<{
    version: string;
    parent_id: string | null;
    snapshot: JsonObject;
    entries: JournalRow[];
  }>(
    `SELECT a.version, a.parent_id, a.snapshot,
       (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.seq) FROM (SELECT ${journalColumns} FROM journal WHERE actor_id = a.id) j) AS entries
     FROM actor a WHERE a.id = $1`,
    [actorId],
  );
  const [row] = rows;
  if (row === undefined) throw new BrokenJournal(actorId, 'there is no such actor');
  row.entries.forEach(({ seq }, index) => {
    if (Number(seq) !== index + 1)
      throw new BrokenJournal(actorId, `entry ${seq} stands at place ${index + 1}`);
  });
  const folded = fold(registry, row.parent_id, row.entries);
  if (folded.version !== Number(row.version)) {
    throw new BrokenJournal(actorId, `it ends at ${folded.version}, the actor is at ${row.version}`);
  }
  const state: unknown = JSON.parse(JSON.stringify(persist(folded.state)));
  if (!isDeepStrictEqual(state, row.snapshot)) {
    throw new BrokenJournal(
      actorId,
      `it folds to ${JSON.stringify(state)}, the snapshot is ${JSON.stringify(row.snapshot)}`,
    );
  }
}
