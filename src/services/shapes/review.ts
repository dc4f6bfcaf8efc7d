import { z } from 'zod';
import { commentSchema, headsSchema } from '../../machines/payloads.ts';
import { kindSchema } from './actor.ts';

/** What a reviewer decides on: exactly these heads, opened on these base commits. */
export const reviewSchema = z.object({
  id: z.uuid(),
  kind: kindSchema,
  version: z.int(),
  round: z.int(),
  digest: z.string(),
  heads: headsSchema,
  base: headsSchema,
  rounds: z.array(
    z.object({
      round: z.int(),
      summary: z.string(),
      comments: z.array(commentSchema),
      at: z.iso.datetime(),
      by: z.string(),
    }),
  ),
});
export type ReviewView = z.infer<typeof reviewSchema>;
