import { z } from 'zod';
import { catalog, OPERATORS, PEOPLE, REVIEWERS, type EventOf } from './event-catalog.ts';
import {
  commentsSchema,
  dependentsSchema,
  digestSchema,
  headsSchema,
  newTaskSchema,
  ordinalSchema,
  ordinalsSchema,
  outcomeSchema,
  textSchema,
  titleSchema,
} from './payloads.ts';

const child = { ordinal: ordinalSchema };

/** Everything a phase can be told. */
export const phaseEvents = catalog({
  'dependency.watch': {
    schema: z.strictObject({ by: ordinalSchema }),
    senders: ['message'],
    description: 'A sibling wants to know when this phase is settled.',
  },
  'dependency.settled': {
    schema: z.strictObject({
      of: ordinalSchema,
      outcome: outcomeSchema,
      policy: dependentsSchema.optional(),
    }),
    senders: ['message'],
    description: 'A phase that this one depends on is settled.',
  },
  'slot.granted': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The initiative gives the phase a slot to run in.',
  },
  'initiative.paused': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The initiative is paused: the phase does not land.',
  },
  'initiative.resumed': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The initiative goes on.',
  },
  'initiative.canceling': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The initiative is being canceled, and the phase with it.',
  },
  'task.settled': {
    schema: z.strictObject({ ...child, outcome: outcomeSchema }),
    senders: ['message'],
    description: 'A task is completed, canceled or waived.',
  },
  'task.stuck': {
    schema: z.strictObject(child),
    senders: ['message'],
    description: 'A task waits for a person.',
  },
  'task.unstuck': {
    schema: z.strictObject(child),
    senders: ['message'],
    description: 'A task goes on.',
  },
  'task.conflicted': {
    schema: z.strictObject({ ...child, round: z.int().min(1) }),
    senders: ['message'],
    description: 'A task does not merge cleanly: a merge task is made for it.',
  },
  'phase.approvePlan': {
    schema: z.strictObject({}),
    senders: PEOPLE,
    description: 'The draft is agreed to.',
  },
  'phase.planTask': {
    schema: newTaskSchema,
    senders: ['message'],
    description: 'A task that the phase was planned with.',
  },
  'phase.addTask': {
    schema: newTaskSchema,
    senders: OPERATORS,
    description: 'One more task; a review that is open is void.',
  },
  'phase.approve': {
    schema: z.strictObject({ heads: headsSchema, digest: digestSchema }),
    senders: REVIEWERS,
    description: 'A reviewer approves exactly these heads.',
  },
  'phase.requestChanges': {
    schema: z.strictObject({
      summary: textSchema(20_000).min(1),
      comments: commentsSchema.default([]),
    }),
    senders: REVIEWERS,
    description: 'A reviewer wants changes: one revision task is made, then the review opens again.',
  },
  'phase.rename': {
    schema: z.strictObject({ title: titleSchema }),
    senders: OPERATORS,
    description: 'The title changes; key and branches stay.',
  },
  'phase.relink': {
    schema: z.strictObject({ dependsOn: ordinalsSchema }),
    senders: OPERATORS,
    description: 'The phase waits for other phases than before.',
  },
  'phase.cancel': {
    schema: z.strictObject({ dependents: dependentsSchema.optional() }),
    senders: OPERATORS,
    description: 'The phase is not wanted any more; says what its dependents do.',
  },
  'phase.waive': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'The plan goes on without this phase; its dependents count it as done.',
  },
  'phase.retry': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Try again what failed.',
  },
  'phase.recheck': {
    schema: z.strictObject({}),
    senders: PEOPLE,
    description: 'Read git again and decide anew.',
  },
});

export type PhaseEvent = EventOf<typeof phaseEvents>;
