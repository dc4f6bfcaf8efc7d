import { z } from 'zod';
import { childEvents, childSchema } from './child-events.ts';
import { catalog, OPERATORS, REVIEWERS, type EventOf } from './event-catalog.ts';
import { newPhaseSchema, ordinalSchema, strategiesSchema } from './payloads.ts';
import { approvalSchema, changesSchema, recheckEvent } from './review-events.ts';
import { renameEvent } from './steering-events.ts';

const phase = childEvents('phase');

/** Everything an initiative can be told. */
export const initiativeEvents = catalog({
  'slot.request': {
    schema: childSchema,
    senders: ['message'],
    description: 'A phase is ready to run and asks for a slot.',
  },
  'slot.withdrawn': {
    schema: childSchema,
    senders: ['message'],
    description: 'A phase does not want the slot any more that it asked for.',
  },
  'slot.taken': {
    schema: childSchema,
    senders: ['message'],
    description: 'A phase came back from review and runs again, above the limit if need be.',
  },
  'slot.returned': { schema: childSchema, senders: ['message'], description: 'A phase runs no longer.' },
  'phase.settled': phase.settled,
  'phase.stuck': phase.stuck,
  'phase.unstuck': phase.unstuck,
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
  'initiative.reorder': {
    schema: z.strictObject({ phases: z.array(ordinalSchema).max(9_999) }),
    senders: OPERATORS,
    description: 'The order in which phases that have not begun get a slot.',
  },
  'initiative.approve': {
    schema: approvalSchema.extend({ strategies: strategiesSchema.default({}) }),
    senders: REVIEWERS,
    description: 'A reviewer approves exactly these heads, and may change how a project is delivered.',
  },
  'initiative.requestChanges': {
    schema: changesSchema,
    senders: REVIEWERS,
    description: 'A reviewer wants changes: a revision phase is made, then the review opens again.',
  },
  'initiative.rename': renameEvent,
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
  'initiative.recheck': recheckEvent,
  'initiative.resumeDelivery': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description: 'Deliver to the projects that are still missing.',
  },
  'initiative.revertDelivery': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description:
      'Take back what was delivered to some of the projects: default branches get a commit that reverts it, branches of ours go.',
  },
  'initiative.sync': {
    schema: z.strictObject({}),
    senders: OPERATORS,
    description:
      'Land the default branches on the branch of the initiative, unless a phase resolves a conflict with them; a review that is open opens again afterwards.',
  },
});

export type InitiativeEvent = EventOf<typeof initiativeEvents>;
