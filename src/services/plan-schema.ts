import { z } from 'zod';
import { keySchema, modeSchema, strategySchema, textSchema, titleSchema } from '../machines/payloads.ts';

const keysSchema = z.array(keySchema).max(64).default([]);

const taskSchema = z.strictObject({
  key: keySchema,
  title: titleSchema,
  description: textSchema(20_000).default(''),
  dependsOn: keysSchema.describe('Keys of tasks of the same phase.'),
  priority: z.int().min(0).max(100).default(50),
  capabilities: z.array(keySchema).max(16).default([]),
  needsReview: z.boolean().default(false).describe('Wait for a reviewer before this task is landed.'),
  projects: z
    .array(keySchema)
    .min(1)
    .max(64)
    .nullable()
    .default(null)
    .describe('Null: all projects of the initiative.'),
});

const phaseSchema = z.strictObject({
  key: keySchema,
  title: titleSchema,
  description: textSchema(20_000).default(''),
  dependsOn: keysSchema.describe('Keys of other phases.'),
  draft: z.boolean().default(false).describe('The plan of this phase has to be approved first.'),
  tasks: z.array(taskSchema).max(200).default([]),
});

/** One initiative with its phases and tasks, nested; dependencies by key. */
export const planSchema = z.strictObject({
  key: keySchema,
  title: titleSchema,
  description: textSchema(20_000).default(''),
  mode: modeSchema.default('review_per_phase'),
  start: z.boolean().default(true).describe('Start at once.'),
  limits: z
    .strictObject({
      phases: z.int().min(1).max(200).default(4),
      tasks: z
        .int()
        .min(1)
        .max(1_000)
        .default(50)
        .describe(
          'Tasks under way before no other one is given out. An agent that has its lease back goes on above it.',
        ),
      attempts: z.int().min(1).max(20).default(5).describe('Attempts of a task before a person is asked.'),
      rounds: z.int().min(1).max(50).default(10).describe('Rounds of a review.'),
      conflicts: z
        .int()
        .min(1)
        .max(20)
        .default(3)
        .describe('Merge tasks made for one conflict before a person is asked.'),
    })
    .prefault({}),
  projects: z
    .array(z.strictObject({ key: keySchema, strategy: strategySchema.default('push_branch') }))
    .min(1)
    .max(64),
  phases: z.array(phaseSchema).min(1).max(200),
});

export type Plan = z.infer<typeof planSchema>;
export type PlanPhase = Plan['phases'][number];
