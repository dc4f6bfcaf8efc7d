import { z } from 'zod';
import {
  commentAnswerSchema,
  keySchema,
  leaseSchema,
  MAX_COMMENTS,
  MAX_DEFER_SECONDS,
  shaSchema,
  textSchema,
} from '../../machines/payloads.ts';
import { commentThreadSchema } from './comment.ts';
import { conflictBriefingSchema } from './conflict.ts';

export const newAgentSchema = z.strictObject({
  name: textSchema(100).min(1),
  capabilities: z.array(keySchema).max(16).default([]),
});
export type NewAgent = z.infer<typeof newAgentSchema>;

export const agentSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  capabilities: z.array(keySchema),
  task: z.object({ id: z.uuid(), key: keySchema, attempt: z.int() }).nullable(),
  lastSeenAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
});
export type AgentView = z.infer<typeof agentSchema>;

/** How long the answer may wait for a task to become claimable. */
export const claimRequestSchema = z.strictObject({
  waitSeconds: z.int().min(0).max(60).default(0),
});
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

const leased = { lease: leaseSchema };

export const heartbeatSchema = z.strictObject(leased);
export const progressSchema = z.strictObject({
  ...leased,
  message: textSchema(2_000).min(1),
  percent: z.int().min(0).max(100).optional(),
});
const handedIn = {
  leftOut: z
    .array(shaSchema)
    .max(64)
    .default([])
    .describe(
      'Commits that this attempt pushed after its lease had ended, and that are left out on purpose.',
    ),
  oneSided: textSchema(2_000)
    .min(1)
    .nullable()
    .default(null)
    .describe('Of a merge task: why the change of one side is left out of a file on purpose.'),
  answers: z
    .array(commentAnswerSchema)
    .max(MAX_COMMENTS)
    .default([])
    .describe("Of a revision: what was done about each of the reviewer's comments."),
  fixedAll: textSchema(4_000)
    .min(1)
    .nullable()
    .default(null)
    .describe('Of a revision: what was done about all comments that have no answer of their own.'),
};
export const submitSchema = z.strictObject({
  ...leased,
  summary: textSchema(20_000).default(''),
  noChanges: textSchema(2_000)
    .min(1)
    .nullable()
    .default(null)
    .describe('Why there is no commit in any project.'),
  ...handedIn,
});
export const failSchema = z.strictObject({
  ...leased,
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/)
    .default('agent_failed')
    .describe('With `rate_limited` and retryAfterSeconds the task is put off, and that costs no attempt.'),
  message: textSchema(8_000).default(''),
  retryAfterSeconds: z.int().min(1).max(MAX_DEFER_SECONDS).nullable().default(null),
});
/** An agent that stops with success submits; one that crashed or was stopped by its user does not. */
export const stopSchema = z.strictObject({
  ...leased,
  reason: z.enum(['success', 'crashed', 'user_requested']),
  summary: textSchema(20_000).default(''),
  noChanges: textSchema(2_000).min(1).nullable().default(null),
  ...handedIn,
});
export const askSchema = z.strictObject({ ...leased, question: textSchema(8_000).min(1) });

export type Heartbeat = z.infer<typeof heartbeatSchema>;
export type Progress = z.infer<typeof progressSchema>;
export type Submit = z.infer<typeof submitSchema>;
export type Fail = z.infer<typeof failSchema>;
export type Stop = z.infer<typeof stopSchema>;
export type Ask = z.infer<typeof askSchema>;

/** A lease as its holder sees it; `questionAnswer` is what a person answered to `ask`. */
export const leaseAnswerSchema = z.object({
  lease: leaseSchema,
  seconds: z.int().describe('How long the lease lasts from now.'),
  heartbeatSeconds: z.int(),
  questionAnswer: z.string().nullable(),
});
export type LeaseAnswer = z.infer<typeof leaseAnswerSchema>;

/** All that an agent needs for one attempt. The credential is never part of an address. */
export const claimSchema = z.object({
  task: z.object({
    id: z.uuid(),
    key: keySchema,
    title: z.string(),
    description: z
      .string()
      .describe(
        'As plain text what the plan says, and for a revision what the reviewer asked for and the comments, by project and file, with the lines around.',
      ),
    category: z.enum(['execute', 'review', 'merge']),
    initiative: keySchema,
    phase: keySchema,
    attempt: z.int(),
  }),
  lease: z.object({ id: leaseSchema, seconds: z.int(), heartbeatSeconds: z.int() }),
  git: z.object({ username: z.string(), password: z.string() }),
  branch: z.string(),
  projects: z.array(
    z.object({
      key: keySchema,
      url: z.string(),
      base: shaSchema,
      startRef: z.string(),
      merge: shaSchema.nullable(),
    }),
  ),
  comments: z.array(commentThreadSchema),
  conflict: conflictBriefingSchema.nullable(),
  late: z
    .array(z.object({ project: keySchema, attempt: z.int(), commit: shaSchema, ref: z.string() }))
    .describe('What this attempt and earlier ones pushed after their lease was over; it is on no branch.'),
  limits: z.object({ attempt: z.int(), maxAttempts: z.int() }),
  next: z.array(z.string()),
});
export type Claim = z.infer<typeof claimSchema>;
