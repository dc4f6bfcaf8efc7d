import { z } from 'zod';
import { OPERATORS } from './event-catalog.ts';
import { dependentsSchema, titleSchema } from './payloads.ts';

/** A rename is the same for everything that has a title. */
export const renameEvent = {
  schema: z.strictObject({ title: titleSchema }),
  senders: OPERATORS,
  description: 'The title changes; key and branches stay.',
} as const;

/** How operators end a task or a phase before it is completed; siblings may depend on it. */
export function endingEvents(unit: 'task' | 'phase') {
  return {
    cancel: {
      schema: z.strictObject({ dependents: dependentsSchema.optional() }),
      senders: OPERATORS,
      description: `The ${unit} is not wanted any more; says what its dependents do.`,
    },
    waive: {
      schema: z.strictObject({}),
      senders: OPERATORS,
      description: `The plan goes on without this ${unit}; its dependents count it as done.`,
    },
  } as const;
}
