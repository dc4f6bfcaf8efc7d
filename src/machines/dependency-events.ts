import { z } from 'zod';
import { OPERATORS } from './event-catalog.ts';
import { dependentsSchema, ordinalSchema, ordinalsSchema, outcomeSchema } from './payloads.ts';

/** What siblings that wait for each other are told: the same for tasks in a phase and for phases in an initiative. */
export function dependencyEvents(unit: 'task' | 'phase') {
  return {
    watch: {
      schema: z.strictObject({ by: ordinalSchema }),
      senders: ['message'],
      description: `A sibling wants to know when this ${unit} is settled.`,
    },
    unwatch: {
      schema: z.strictObject({ by: ordinalSchema }),
      senders: ['message'],
      description: `A sibling waits for this ${unit} no longer.`,
    },
    settled: {
      schema: z.strictObject({
        of: ordinalSchema,
        outcome: outcomeSchema,
        policy: dependentsSchema.optional(),
      }),
      senders: ['message'],
      description: `A ${unit} that this one depends on is settled.`,
    },
    relink: {
      schema: z.strictObject({ dependsOn: ordinalsSchema }),
      senders: OPERATORS,
      description: `The ${unit} waits for other ${unit}s than before.`,
    },
  } as const;
}
