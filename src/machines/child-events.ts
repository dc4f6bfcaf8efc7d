import { z } from 'zod';
import { ordinalSchema, outcomeSchema } from './payloads.ts';

/** The child that tells its parent something. */
export const childSchema = z.strictObject({ ordinal: ordinalSchema });

/** What each child tells its parent: a task its phase, a phase its initiative. */
export function childEvents(unit: 'task' | 'phase') {
  return {
    settled: {
      schema: childSchema.extend({ outcome: outcomeSchema }),
      senders: ['message'],
      description: `A ${unit} is completed, canceled or waived.`,
    },
    stuck: { schema: childSchema, senders: ['message'], description: `A ${unit} waits for a person.` },
    unstuck: { schema: childSchema, senders: ['message'], description: `A ${unit} goes on.` },
  } as const;
}
