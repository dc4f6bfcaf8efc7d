import { z } from 'zod';
import { childEvents, childSchema } from './child-events.ts';
import { dependencyEvents } from './dependency-events.ts';
import { catalog, OPERATORS, PEOPLE, REVIEWERS, type EventOf } from './event-catalog.ts';
import { categorySchema, conflictUnitSchema, newTaskSchema, taskPartsSchema } from './payloads.ts';
import { approvalSchema, changesSchema, recheckEvent } from './review-events.ts';
import { endingEvents, renameEvent } from './steering-events.ts';

const dependency = dependencyEvents('phase');
const task = childEvents('task');
const ending = endingEvents('phase');

/** Everything a phase can be told. */
export const phaseEvents = catalog({
  'dependency.watch': dependency.watch,
  'dependency.unwatch': dependency.unwatch,
  'dependency.settled': dependency.settled,
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
  'task.settled': task.settled,
  'task.stuck': task.stuck,
  'task.unstuck': task.unstuck,
  'task.conflicted': {
    schema: childSchema.extend({ round: z.int().min(1), needsReview: z.boolean().default(false) }),
    senders: ['message'],
    description:
      'A task does not merge cleanly: a merge task is made for it, and reviewed by itself if that one is.',
  },
  'task.splitting': {
    schema: childSchema.extend({ into: taskPartsSchema }),
    senders: ['message'],
    description: 'A task is to be split: its parts are made.',
  },
  'task.unresolved': {
    schema: childSchema,
    senders: ['message'],
    description: 'The merge task of the phase itself failed: another one is made, or a person is asked.',
  },
  'phase.approvePlan': {
    schema: z.strictObject({}),
    senders: PEOPLE,
    description: 'The draft is agreed to.',
  },
  'phase.planTask': {
    schema: newTaskSchema.extend({
      category: categorySchema.default('execute'),
      conflictOf: conflictUnitSchema.nullable().default(null),
    }),
    senders: ['message'],
    description: 'A task that the phase was planned with.',
  },
  'phase.addTask': {
    schema: newTaskSchema,
    senders: OPERATORS,
    description: 'One more task; a review that is open is void.',
  },
  'phase.approve': {
    schema: approvalSchema,
    senders: REVIEWERS,
    description: 'A reviewer approves exactly these heads.',
  },
  'phase.requestChanges': {
    schema: changesSchema,
    senders: REVIEWERS,
    description: 'A reviewer wants changes: one revision task is made, then the review opens again.',
  },
  'phase.rename': renameEvent,
  'phase.relink': dependency.relink,
  'phase.cancel': ending.cancel,
  'phase.waive': ending.waive,
  'phase.retry': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Try again what failed.',
  },
  'phase.recheck': recheckEvent,
});

export type PhaseEvent = EventOf<typeof phaseEvents>;
