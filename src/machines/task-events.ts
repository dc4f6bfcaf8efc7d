import { z } from 'zod';
import { dependencyEvents } from './dependency-events.ts';
import { catalog, OPERATORS, PEOPLE, REVIEWERS, type EventOf } from './event-catalog.ts';
import {
  commentAnswerSchema,
  digestSchema,
  leaseSchema,
  MAX_COMMENTS,
  MAX_DEFER_SECONDS,
  MAX_PARTS,
  ordinalSchema,
  taskPartsSchema,
  textSchema,
} from './payloads.ts';
import { approvalSchema, changesSchema } from './review-events.ts';
import { endingEvents, renameEvent } from './steering-events.ts';

const leased = { lease: leaseSchema };
/** What comes with a lease, given or given back. */
const taking = {
  ...leased,
  agentId: z.uuid(),
  attempt: z.int().min(1),
  leaseSeconds: z.int().min(1).max(86_400),
};
const dependency = dependencyEvents('task');
const ending = endingEvents('task');

/** Everything a task can be told. */
export const taskEvents = catalog({
  'phase.opened': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The phase has its branch; the task may be claimed once its dependencies are settled.',
  },
  'phase.canceling': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The phase is being canceled, and the task with it.',
  },
  'dependency.watch': dependency.watch,
  'dependency.unwatch': dependency.unwatch,
  'dependency.settled': dependency.settled,
  'dependency.replaced': {
    schema: z.strictObject({ of: ordinalSchema, by: z.array(ordinalSchema).max(MAX_PARTS) }),
    senders: ['message'],
    description: 'A task that this one depends on was split: its parts are waited for.',
  },
  'conflict.assigned': {
    schema: z.strictObject({ to: ordinalSchema }),
    senders: ['message'],
    description: 'A merge task was made for the conflict of this task.',
  },
  'conflict.resolved': {
    schema: z.strictObject({ by: ordinalSchema }),
    senders: ['message'],
    description: 'The merge task landed: this task is landed again, to prove that it is contained.',
  },
  'conflict.failed': {
    schema: z.strictObject({ by: ordinalSchema }),
    senders: ['message'],
    description: 'The merge task failed or was canceled.',
  },
  'conflict.dropped': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The conflict this merge task resolves is no longer wanted.',
  },
  'task.claim': {
    schema: z.strictObject(taking),
    senders: ['service'],
    description: 'An agent takes the task under a lease.',
  },
  'task.regain': {
    schema: z.strictObject(taking),
    senders: ['service'],
    description: 'The agent whose lease ran out is back, and nobody else has taken the task: it goes on.',
  },
  'task.submit': {
    schema: z.strictObject({
      ...leased,
      submission: digestSchema,
      summary: textSchema(20_000).default(''),
      noChanges: textSchema(2_000).nullable().default(null),
      oneSided: textSchema(2_000).nullable().default(null),
      // A unit has 1,000 comments at most, and those of one event more when both came at once.
      answers: z
        .array(commentAnswerSchema)
        .max(MAX_COMMENTS * 6)
        .default([]),
    }),
    senders: ['service'],
    description: 'The agent says it is done; the digest names the recorded heads.',
  },
  'task.fail': {
    schema: z.strictObject({
      ...leased,
      code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
      message: textSchema(8_000).default(''),
      retryAfterSeconds: z.int().min(1).max(MAX_DEFER_SECONDS).nullable().default(null),
    }),
    senders: ['service'],
    description: 'The agent gives up this attempt and says why.',
  },
  'task.stop': {
    schema: z.strictObject({ ...leased, reason: z.enum(['crashed', 'user_requested']) }),
    senders: ['service'],
    description: 'The agent stopped without success.',
  },
  'lease.expired': {
    schema: z.strictObject(leased),
    senders: ['service'],
    description: 'The agent was not heard of for a whole lease.',
  },
  'task.ask': {
    schema: z.strictObject({ ...leased, question: textSchema(8_000).min(1) }),
    senders: ['service'],
    description: 'The agent has a question for a person.',
  },
  'task.answer': {
    schema: z.strictObject({ answer: textSchema(8_000).min(1) }),
    senders: PEOPLE,
    description: 'A person answers the question.',
  },
  'task.approve': {
    schema: approvalSchema,
    senders: REVIEWERS,
    description: 'A reviewer approves exactly these heads of the task.',
  },
  'task.requestChanges': {
    schema: changesSchema,
    senders: REVIEWERS,
    description: 'A reviewer sends the task back to work.',
  },
  'task.rename': renameEvent,
  'task.reprioritize': {
    schema: z.strictObject({ priority: z.int().min(0).max(100) }),
    senders: OPERATORS,
    description: 'The place among the claimable tasks changes.',
  },
  'task.relink': dependency.relink,
  'task.split': {
    schema: z.strictObject({ into: taskPartsSchema }),
    senders: OPERATORS,
    description:
      'Several tasks take the place of this one, which nobody has begun; what waited for it waits for all of them.',
  },
  'split.made': {
    schema: z.strictObject({ first: ordinalSchema, count: z.int().min(2).max(MAX_PARTS) }),
    senders: ['message'],
    description: 'The phase has made the tasks that this one is split into.',
  },
  'split.refused': {
    schema: z.strictObject({}),
    senders: ['message'],
    description: 'The phase can not split it now: the task stays as it was.',
  },
  'task.cancel': ending.cancel,
  'task.waive': ending.waive,
  'task.retry': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Try again, with all attempts given back.',
  },
  'task.recheck': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Read git again and decide anew.',
  },
  'task.resume': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'A task that is held or put off may be claimed again.',
  },
});

export type TaskEvent = EventOf<typeof taskEvents>;
