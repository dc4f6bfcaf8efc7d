import { z } from 'zod';

/** A key never changes and is part of branch names, so it is a valid ref component as it is. */
export const keySchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, at most 63');

/** Text of people and agents: bounded, and free of what PostgreSQL can not store. */
export function textSchema(max: number) {
  return z
    .string()
    .max(max)
    .refine((text) => text.isWellFormed() && !text.includes('\u0000'), {
      message: 'must be well-formed Unicode without U+0000',
    });
}

export const titleSchema = textSchema(200)
  .min(1)
  .regex(/^[^\r\n]*$/, 'one line');
export const ordinalSchema = z.int().min(1).max(9_999);
/** How many things one may wait for. */
export const MAX_DEPENDENCIES = 64;
export const ordinalsSchema = z.array(ordinalSchema).max(MAX_DEPENDENCIES);
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const shaSchema = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
export const leaseSchema = z.uuid();

/** How many projects an initiative may have, and so how many keys a record by project. */
export const MAX_PROJECTS = 64;

/** For how long a task may be put off: a day. */
export const MAX_DEFER_SECONDS = 86_400;

/** One value for each project, by key. */
function byProject<S extends z.ZodType>(schema: S) {
  return z
    .record(keySchema, schema)
    .refine((record) => Object.keys(record).length <= MAX_PROJECTS, {
      message: `at most ${MAX_PROJECTS} keys`,
    })
    .meta({ maxProperties: MAX_PROJECTS });
}

/** The heads a review served, by project key; null where the unit did not touch the project. */
export const headsSchema = byProject(shaSchema.nullable());

const lineSchema = z.int().min(0).max(10_000_000);

/** One remark of a reviewer on lines of a file (line 0: on the file as a whole), on what is new or on what was there before. */
export const commentSchema = z.strictObject({
  project: keySchema,
  file: textSchema(4_096).min(1),
  side: z.enum(['old', 'new']).default('new'),
  startLine: lineSchema.nullable().default(null).describe('The first of several lines; null: only `line`.'),
  line: lineSchema,
  text: textSchema(8_000).min(1),
});
export type Comment = z.infer<typeof commentSchema>;
/** How many comments one event, or one answer to them, may have. */
export const MAX_COMMENTS = 200;
export const commentsSchema = z.array(commentSchema).max(MAX_COMMENTS);

/** A comment with the place that the service has found for it: which commit and blob, and the lines around. */
export const pinnedCommentSchema = commentSchema.extend({
  startLine: lineSchema,
  commit: shaSchema.nullable(),
  blob: shaSchema.nullable(),
  excerpt: z.array(z.strictObject({ line: lineSchema, text: textSchema(400) })).max(20),
  author: textSchema(300),
});
export type PinnedComment = z.infer<typeof pinnedCommentSchema>;

/** What the agent of a revision says to a comment. */
export const commentAnswerSchema = z.strictObject({
  comment: z.uuid(),
  outcome: z.enum(['fixed', 'pushed_back']),
  text: textSchema(4_000).min(1),
});
export type CommentAnswer = z.infer<typeof commentAnswerSchema>;

/** What becomes of the things that depend on something that is canceled. */
export const dependentsSchema = z.enum(['release', 'cancel', 'keep']);
export type DependentsPolicy = z.infer<typeof dependentsSchema>;

export const outcomeSchema = z.enum(['completed', 'canceled', 'waived', 'split']);
export type SettledOutcome = z.infer<typeof outcomeSchema>;

export const categorySchema = z.enum(['execute', 'review', 'merge']);
export type TaskCategory = z.infer<typeof categorySchema>;

/** Whose merge a merge task makes: of a task into its phase, of a phase into the initiative, of that into the default branches. */
export const conflictUnitSchema = z.enum(['task', 'phase', 'initiative']);
export type ConflictUnit = z.infer<typeof conflictUnitSchema>;

/** The projects that something is about; null: all of the initiative. */
export const projectsSchema = z.array(keySchema).min(1).max(MAX_PROJECTS).nullable();

export const modeSchema = z.enum(['yolo', 'review_per_phase']);
export type ReviewMode = z.infer<typeof modeSchema>;

export const strategySchema = z.enum(['push_branch', 'merge_and_push']);
export type DeliveryStrategy = z.infer<typeof strategySchema>;
export const strategiesSchema = byProject(strategySchema);

/** A task as it is added to a phase; what it depends on is named by ordinal within the phase. */
export const newTaskSchema = z.strictObject({
  key: keySchema,
  title: titleSchema,
  description: textSchema(20_000).default(''),
  dependsOn: ordinalsSchema.default([]),
  priority: z.int().min(0).max(100).default(50),
  capabilities: z.array(keySchema).max(16).default([]),
  needsReview: z.boolean().default(false),
  projects: projectsSchema.default(null),
});

/** How many tasks one may be split into. */
export const MAX_PARTS = 20;

/** A task that takes, with others, the place of one; which of those before it in the list it waits for is said by place. */
export const taskPartSchema = newTaskSchema.extend({
  after: z.array(z.int().min(1).max(MAX_PARTS)).max(MAX_PARTS).default([]),
});
export const taskPartsSchema = z.array(taskPartSchema).min(2).max(MAX_PARTS);

/** How many tasks a phase may start with. */
export const MAX_TASKS = 200;

/** A phase as it is added to an initiative, with the tasks it starts with. */
export const newPhaseSchema = z.strictObject({
  key: keySchema,
  title: titleSchema,
  description: textSchema(20_000).default(''),
  dependsOn: ordinalsSchema.default([]),
  draft: z.boolean().default(false),
  tasks: z.array(newTaskSchema).max(MAX_TASKS).default([]),
});

/** Why something stopped: a stable code and a sentence for people. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}
