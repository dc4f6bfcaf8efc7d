import { z } from 'zod';
import { headsSchema, keySchema, shaSchema } from '../../machines/payloads.ts';

export const kindSchema = z.enum(['initiative', 'phase', 'task']);
export type Kind = z.infer<typeof kindSchema>;

/** A state as XState writes it: a name, or names within names. */
export const stateSchema = z.union([z.string(), z.record(z.string(), z.unknown())]);

export const sinceSchema = z.iso
  .datetime()
  .describe(
    'When it came into this state, by the clock of the database; events that left it there do not count.',
  );

const quarantineSchema = z.object({ reason: z.string() }).nullable();

/** What every actor shows. `next` are the events the caller may send now; clients read `tags`, not `state`. */
export const actorShape = z.object({
  id: z.uuid(),
  kind: kindSchema,
  key: keySchema,
  title: z.string(),
  state: stateSchema,
  tags: z.array(z.string()),
  version: z.int(),
  next: z.array(z.string()),
  since: sinceSchema,
  quarantined: quarantineSchema,
});

const failureSchema = z.object({ code: z.string(), message: z.string() }).nullable();

export const taskSchema = actorShape.extend({
  ordinal: z.int(),
  phaseId: z.uuid(),
  initiativeId: z.uuid(),
  description: z.string(),
  category: z.enum(['execute', 'review', 'merge']),
  priority: z.int(),
  dependsOn: z.array(keySchema),
  splitInto: z.array(keySchema).describe('The tasks that took its place, if it was split.'),
  projects: z.array(keySchema),
  branch: z.string().nullable(),
  attempt: z.int(),
  question: z.string().nullable(),
  heads: headsSchema.nullable().describe('What was handed in last, by project.'),
  failure: failureSchema,
});
export type TaskView = z.infer<typeof taskSchema>;

export const phaseSchema = actorShape.extend({
  ordinal: z.int(),
  initiativeId: z.uuid(),
  description: z.string(),
  dependsOn: z.array(keySchema),
  branch: z.string(),
  round: z.int(),
  failure: failureSchema,
  tasks: z.array(taskSchema),
});
export type PhaseView = z.infer<typeof phaseSchema>;

/** One project of an initiative, and what became of its delivery. */
export const initiativeProjectSchema = z.object({
  key: keySchema,
  strategy: z.enum(['push_branch', 'merge_and_push']),
  delivery: z
    .object({
      state: z
        .string()
        .describe(
          '`prepared`, `delivered` or `refused`; `reverting`, `reverted` or `revert_refused` once it is taken back.',
        ),
      branch: z.string().nullable(),
      sha: shaSchema.nullable(),
      code: z.string().nullable().describe('Why it was refused; null while it was not.'),
      message: z.string().nullable(),
    })
    .nullable(),
});

export const initiativeSchema = actorShape.extend({
  description: z.string(),
  mode: z.enum(['yolo', 'review_per_phase']),
  branch: z.string(),
  projects: z.array(initiativeProjectSchema),
  failure: failureSchema,
});
export type InitiativeView = z.infer<typeof initiativeSchema>;

/** An initiative with everything in it. */
export const initiativeTreeSchema = initiativeSchema.extend({
  order: z
    .array(keySchema)
    .describe('The phases that have not begun, in the order in which they get a slot.'),
  phases: z.array(phaseSchema),
});
export type InitiativeTree = z.infer<typeof initiativeTreeSchema>;

/** One event to an actor, as it is posted. */
export const eventBodySchema = z.looseObject({
  type: z
    .string()
    .min(1)
    .max(100)
    .describe('The event; its payload stands beside it. See /v1/machines/{name} for the list.'),
});

/** What became of an event. A `duplicate` repeats the first answer; `idempotent` is false when no key came with the request. */
export const eventAnswerSchema = z.object({
  outcome: z.enum(['accepted', 'duplicate', 'ignored']),
  id: z.uuid(),
  kind: kindSchema,
  eventId: z.uuid(),
  version: z.int(),
  state: stateSchema,
  tags: z.array(z.string()),
  next: z.array(z.string()),
  idempotent: z.boolean(),
});
export type EventAnswer = z.infer<typeof eventAnswerSchema>;

/** An actor after a replay: `lifted` when there was nothing to apply again. */
export const replayedSchema = z.object({
  outcome: z.string(),
  id: z.uuid(),
  kind: kindSchema,
  version: z.int(),
  state: stateSchema,
  tags: z.array(z.string()),
  quarantined: quarantineSchema,
});
export type Replayed = z.infer<typeof replayedSchema>;
