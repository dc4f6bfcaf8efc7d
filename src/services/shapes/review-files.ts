import { z } from 'zod';
import { digestSchema, keySchema, shaSchema, titleSchema } from '../../machines/payloads.ts';
import { kindSchema } from './actor.ts';

const sinceSchema = z
  .string()
  .regex(/^(?:last|[0-9a-f]{64})$/, '`last` or a digest')
  .describe(
    'Only what is new since an earlier review of this unit: its digest, or `last`, the one that you decided on last.',
  );
const afterSchema = z.string().min(1).max(100).describe('The `next` of the page before.');

/** Longer names can not be asked for; no file system has them. */
const MAX_PATH = 4_096;

export const reviewFilesQuerySchema = z.object({
  project: keySchema.optional().describe('Only the files of this project.'),
  since: sinceSchema.optional(),
  after: afterSchema.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type ReviewFilesQuery = z.infer<typeof reviewFilesQuerySchema>;

export const reviewDiffQuerySchema = z.object({
  project: keySchema,
  path: z
    .string()
    .min(1)
    .max(MAX_PATH)
    .describe('As the list of files prints it; of a renamed file the new one.'),
  since: sinceSchema.optional(),
  after: afterSchema.optional(),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000).describe('Lines on a page.'),
  context: z.coerce.number().int().min(0).max(1_000).default(3).describe('Lines around each change.'),
});
export type ReviewDiffQuery = z.infer<typeof reviewDiffQuerySchema>;

/** A task whose landing changed the file. */
const taskBehindSchema = z.object({ id: z.uuid(), key: keySchema, title: titleSchema });
export type TaskBehind = z.infer<typeof taskBehindSchema>;

/** One changed file. What one side does not have is null there. */
const fileShape = {
  project: keySchema,
  path: z.string().describe('Quoted as git does it where the name is not plain UTF-8.'),
  oldPath: z.string().nullable().describe('Where a renamed file was before.'),
  status: z.enum(['added', 'deleted', 'modified', 'renamed', 'type_changed']),
  oldMode: z.string().nullable(),
  newMode: z.string().nullable(),
  oldBlob: shaSchema.nullable(),
  newBlob: shaSchema.nullable().describe('Of a submodule: its commit.'),
  additions: z.int().nullable().describe('Lines; null where there are none to count.'),
  deletions: z.int().nullable(),
  binary: z.boolean(),
  submodule: z.boolean(),
  tasks: z.array(taskBehindSchema).describe('The tasks whose landings changed it.'),
};
const changedFileSchema = z.object(fileShape);
export type ChangedFileView = z.infer<typeof changedFileSchema>;

/** Of what an answer is: the open review, and the one that it is compared with. */
const reviewShape = {
  id: z.uuid(),
  kind: kindSchema,
  round: z.int(),
  digest: digestSchema.describe('Of the review that is open.'),
  since: digestSchema.nullable().describe('Of the earlier review; null: everything is shown.'),
};
/** What was compared: commits, or trees. */
const comparedShape = {
  from: shaSchema.nullable().describe('A commit or a tree; null where there is nothing to read.'),
  to: shaSchema.nullable(),
  includesBase: z
    .boolean()
    .describe(
      'With `since`: what only the base has changed is shown, too, because it could not be told apart.',
    ),
};
const nextSchema = z.string().nullable().describe('The `after` of the next page; null at the end.');

export const reviewFilesSchema = z.object({
  ...reviewShape,
  projects: z
    .array(
      z.object({
        project: keySchema,
        ...comparedShape,
        files: z.int(),
        additions: z.int(),
        deletions: z.int(),
      }),
    )
    .describe('Totals of everything, not of this page.'),
  files: z.array(changedFileSchema).describe('By project, then by the bytes of the path.'),
  next: nextSchema,
});
export type ReviewFilesPage = z.infer<typeof reviewFilesSchema>;

const lineSchema = z.object({
  kind: z.enum(['context', 'added', 'deleted']),
  old: z.int().nullable(),
  new: z.int().nullable(),
  text: z.string(),
  noNewline: z.literal(true).optional().describe('The file ends here, without a line feed.'),
});

const hunkSchema = z.object({
  oldStart: z.int(),
  oldLines: z.int(),
  newStart: z.int(),
  newLines: z.int(),
  heading: z.string(),
  continued: z.boolean().describe('Its beginning was on the page before.'),
  lines: z.array(lineSchema),
});

const sizes = { oldSize: z.int().nullable(), newSize: z.int().nullable() };

export const reviewDiffSchema = z.object({
  ...reviewShape,
  ...comparedShape,
  ...fileShape,
  diff: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('text'),
      encoding: z.enum(['utf-8', 'unknown']).describe('`unknown`: bytes that are not UTF-8 were replaced.'),
      totalLines: z.int().describe('Of the whole diff.'),
      hunks: z.array(hunkSchema).describe('Those of this page; the first and the last may be parts of one.'),
    }),
    z.object({ kind: z.literal('binary'), ...sizes }),
    z.object({ kind: z.literal('submodule'), old: shaSchema.nullable(), new: shaSchema.nullable() }),
    z.object({ kind: z.literal('too_large'), ...sizes }).describe('It is not read; use git.'),
  ]),
  next: nextSchema,
});
export type ReviewDiffPage = z.infer<typeof reviewDiffSchema>;
