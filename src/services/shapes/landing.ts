import { z } from 'zod';

/** One landing: a unit's commits on their way to a target, in all its projects or none. */
export const landingSchema = z.object({
  id: z.uuid(),
  unit: z.object({ kind: z.enum(['task', 'phase', 'initiative']), key: z.string(), id: z.uuid() }),
  openedBy: z.string().nullable().describe('The process that wrote the intents.'),
  settledBy: z.string().nullable().describe('The process that finished them; another one after a crash.'),
  intents: z.array(
    z.object({
      project: z.string(),
      ref: z.string(),
      result: z.string(),
      before: z.string(),
      after: z.string(),
      state: z.string(),
      outcome: z.string().nullable(),
    }),
  ),
});
export type LandingView = z.infer<typeof landingSchema>;
