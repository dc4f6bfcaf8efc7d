import type { JournalEntry } from '../actors/journal-types.ts';
import type { JournalEntryView } from './shapes/journal.ts';

/** A journal entry as it is shown. */
export function toEntryView(entry: JournalEntry): JournalEntryView {
  return {
    actorId: entry.actorId,
    machine: entry.machine,
    rootId: entry.rootId,
    seq: entry.seq,
    eventId: entry.eventId,
    type: entry.type,
    event: { ...entry.event },
    sender: entry.sender,
    principal: entry.principal,
    outcome: entry.outcome,
    state: entry.answer.state,
    tags: entry.answer.tags,
    reason: entry.answer.reason ?? null,
    at: entry.at.toISOString(),
    cursor: entry.cursor,
  };
}
