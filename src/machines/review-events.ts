import { z } from 'zod';
import { PEOPLE } from './event-catalog.ts';
import { digestSchema, headsSchema, MAX_COMMENTS, pinnedCommentSchema, textSchema } from './payloads.ts';

/** What a reviewer read and agrees to: these heads, and nothing that has come since. */
export const approvalSchema = z.strictObject({
  heads: headsSchema,
  digest: digestSchema,
  /** Of the heads that are there now, where only the base has moved since the review opened: these are landed. */
  lands: digestSchema.nullable().default(null),
  because: textSchema(8_000).nullable().default(null),
});

/** What the service adds to an approval. */
export const ADDED_TO_APPROVALS = { digest: true, lands: true, because: true } as const;

/** What a reviewer says when it can not stay as it is. */
export const changesSchema = z.strictObject({
  summary: textSchema(20_000).min(1),
  comments: z
    .array(pinnedCommentSchema)
    .max(MAX_COMMENTS)
    .default([])
    .describe(
      'On what the review serves: send its ETag in If-Match, or they are on whatever is served by now.',
    ),
});

/** Whoever may approve must be able to open the review again: an approval is refused when a head has moved. */
export const recheckEvent = {
  schema: z.strictObject({}),
  senders: PEOPLE,
  description: 'Read git again and decide anew.',
} as const;
