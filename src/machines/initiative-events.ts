import { z } from 'zod';
import { catalog, OPERATORS, PEOPLE, REVIEWERS, type EventOf } from './event-catalog.ts';
import {
  commentsSchema,
  digestSchema,
  headsSchema,
  newPhaseSchema,
  ordinalSchema,
  outcomeSchema,
  strategiesSchema,
  textSchema,
  titleSchema,
} from './payloads.ts';

const child = z.strictObject({ ordinal: ordinalSchema });

/** Everything an initiative can be told. */
export const initiativeEvents = catalog({
  'slot.request': {
    schema: child,
    senders: ['message'],
    description: 'A phase is ready to run and asks for a slot.',
  },
  'slot.withdrawn': {
    schema: child,
    senders: ['message'],
    description: 'A phase does not want the slot any more that it asked for.',
  },
  'slot.taken': {
    schema: child,
    senders: ['message'],
    description: 'A phase came back from review and runs again, above the limit if need be.',
  },
  'slot.returned': { schema: child, senders: ['message'], description: 'A phase runs no longer.' },
  'phase.settled': {
    schema: z.strictObject({ ordinal: ordinalSchema, outcome: outcomeSchema }),
    senders: ['message'],
    description: 'A phase is completed, canceled or waived.',
  },
  'phase.stuck': { schema: child, senders: ['message'], description: 'A phase waits for a person.' },
  'phase.unstuck': { schema: child, senders: ['message'], description: 'A phase goes on.' },
  'initiative.start': {
    schema: z.strictObject({}),
    senders: [...OPERATORS, 'service'],
    description: 'Work begins: branches are made and slots are granted.',
  },
  'initiative.pause': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'No grants, claims or landings of phases; leases and landings of tasks finish.',
  },
  'initiative.resume': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'A paused initiative goes on.',
  },
  'initiative.addPhase': {
    schema: newPhaseSchema,
    senders: OPERATORS,
    description: 'One more phase; a review that is open is void.',
  },
  'initiative.approve': {
    schema: z.strictObject({
      heads: headsSchema,
      digest: digestSchema,
      strategies: strategiesSchema.default({}),
    }),
    senders: REVIEWERS,
    description: 'A reviewer approves exactly these heads, and may change how a project is delivered.',
  },
  'initiative.requestChanges': {
    schema: z.strictObject({
      summary: textSchema(20_000).min(1),
      comments: commentsSchema.default([]),
    }),
    senders: REVIEWERS,
    description: 'A reviewer wants changes: a revision phase is made, then the review opens again.',
  },
  'initiative.rename': {
    schema: z.strictObject({ title: titleSchema }),
    senders: OPERATORS,
    description: 'The title changes; key and branches stay.',
  },
  'initiative.cancel': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'The initiative is not wanted any more; its commits are kept.',
  },
  'initiative.retry': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Try again what failed.',
  },
  'initiative.recheck': {
    schema: z.strictObject({}),
    senders: PEOPLE,
    description: 'Read git again and decide anew.',
  },
  'initiative.resumeDelivery': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Deliver to the projects that are still missing.',
  },
  'initiative.revertDelivery': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Take back what was delivered to some of the projects.',
  },
  'initiative.sync': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Land the default branches into the branch of the initiative.',
  },
});

export type InitiativeEvent = EventOf<typeof initiativeEvents>;
