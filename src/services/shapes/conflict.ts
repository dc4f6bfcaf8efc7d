import { z } from 'zod';
import { conflictUnitSchema, keySchema, shaSchema } from '../../machines/payloads.ts';

const unitSchema = z.object({
  id: z.uuid(),
  kind: conflictUnitSchema,
  key: keySchema,
  title: z.string(),
  description: z.string(),
});

const stageSchema = z.object({ mode: z.string(), blob: shaSchema }).nullable();

/** What a merge task has to merge, and why both sides are as they are. */
export const conflictBriefingSchema = z.object({
  of: conflictUnitSchema.describe(
    'A task with its phase, a phase with the initiative, or that with the default branches.',
  ),
  unit: unitSchema.nullable().describe('Whose conflict it is.'),
  projects: z.array(
    z.object({
      project: keySchema,
      ours: shaSchema.describe('Where the attempt starts.'),
      theirs: shaSchema.describe('The commit to merge.'),
      base: shaSchema.nullable().describe('Their common ancestor.'),
      ref: z.string().describe('The ref of the hub that has the commit to merge.'),
      files: z.array(
        z.object({
          path: z.string(),
          type: z.string().describe("The kind of conflict, in git's own words."),
          message: z.string(),
          stages: z.object({ base: stageSchema, ours: stageSchema, theirs: stageSchema }),
        }),
      ),
      moreFiles: z.int().describe('How many more conflicts git lists.'),
      intents: z
        .array(
          z.object({
            side: z.enum(['ours', 'theirs']),
            commit: shaSchema,
            author: z.string(),
            subject: z.string(),
            unit: unitSchema
              .nullable()
              .describe('What was landed by the commit; null for a commit of somebody else.'),
          }),
        )
        .describe('Who changed these files on either side, newest first.'),
      commands: z.array(z.string()).describe('What shows the conflict in a clone.'),
    }),
  ),
});
export type ConflictBriefing = z.infer<typeof conflictBriefingSchema>;
