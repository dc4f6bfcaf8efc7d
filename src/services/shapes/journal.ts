import { z } from 'zod';
import { stateSchema } from './actor.ts';

/** One journal entry as the feed and the journal of an actor show it. `cursor` is the place right after it in the feed. */
export const journalEntrySchema = z.object({
  cursor: z.string(),
  actorId: z.uuid(),
  machine: z.string(),
  rootId: z.uuid(),
  seq: z.int(),
  eventId: z.uuid(),
  type: z.string(),
  event: z.record(z.string(), z.unknown()),
  sender: z.string(),
  principal: z.string(),
  outcome: z.enum(['accepted', 'rejected', 'ignored']),
  state: stateSchema,
  tags: z.array(z.string()),
  reason: z.string().nullable(),
  at: z.iso.datetime(),
});
export type JournalEntryView = z.infer<typeof journalEntrySchema>;

export const journalPageSchema = z.object({ entries: z.array(journalEntrySchema), next: z.int() });
export type JournalPage = z.infer<typeof journalPageSchema>;

/** A page of the feed; `next` is an opaque cursor and the id of the stream's events. */
export const feedPageSchema = z.object({ entries: z.array(journalEntrySchema), next: z.string() });
