import { z } from 'zod';
import { commentSchema, keySchema, shaSchema, textSchema } from '../../machines/payloads.ts';
import { kindSchema } from './actor.ts';

export const newCommentSchema = commentSchema;
export type NewComment = z.infer<typeof newCommentSchema>;

export const commentStateSchema = z.enum(['open', 'addressed', 'dismissed']);
export type CommentState = z.infer<typeof commentStateSchema>;

const replySchema = z.object({
  kind: z
    .enum(['reply', 'fixed', 'pushed_back', 'opened', 'addressed', 'dismissed'])
    .describe("A person's words, an agent's answer, or what a person did with the comment."),
  text: z.string(),
  by: z.string().nullable(),
  at: z.iso.datetime(),
});

/** A comment of a reviewer, with what was said about it since. */
export const commentThreadSchema = z.object({
  id: z.uuid(),
  unit: z.object({ kind: kindSchema, id: z.uuid() }),
  round: z.int(),
  state: commentStateSchema,
  requestedIn: z
    .int()
    .nullable()
    .describe('The round whose request for changes it went along with last; null: with none yet.'),
  project: keySchema,
  side: z.enum(['old', 'new']),
  file: z.string(),
  startLine: z.int(),
  line: z.int().describe('0: the file as a whole.'),
  commit: shaSchema.nullable().describe('What it was made on.'),
  blob: shaSchema.nullable(),
  excerpt: z.array(z.object({ line: z.int(), text: z.string() })),
  text: z.string(),
  by: z.string().nullable(),
  at: z.iso.datetime(),
  replies: z.array(replySchema),
});
export type CommentThread = z.infer<typeof commentThreadSchema>;

/** Where its lines are in what the open review serves; null when no review is open. */
export const placedThreadSchema = commentThreadSchema.extend({
  place: z
    .object({ file: z.string(), startLine: z.int(), line: z.int(), outdated: z.boolean() })
    .nullable()
    .describe(
      'In the heads that are served now; `outdated`: these lines were changed or are gone, and the place is the last known.',
    ),
});
export type PlacedThread = z.infer<typeof placedThreadSchema>;

export const newReplySchema = z.strictObject({ text: textSchema(8_000).min(1) });
export type NewReply = z.infer<typeof newReplySchema>;

export const stateChangeSchema = z.strictObject({
  state: commentStateSchema,
  text: textSchema(8_000).default(''),
});
export type StateChange = z.infer<typeof stateChangeSchema>;
