import { z } from 'zod';
import { headsSchema, keySchema } from '../../machines/payloads.ts';
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
      comments: z.array(
        z.object({
          project: keySchema,
          file: z.string(),
          side: z.enum(['old', 'new']).default('new'),
          startLine: z.int().nullable().default(null),
          line: z.int(),
          text: z.string(),
        }),
      ),
      at: z.iso.datetime(),
      by: z.string(),
    }),
  ),
});
export type ReviewView = z.infer<typeof reviewSchema>;
