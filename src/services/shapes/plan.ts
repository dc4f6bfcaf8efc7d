import { z } from 'zod';
import { keySchema } from '../../machines/payloads.ts';
import { planSchema } from '../plan-schema.ts';

const { properties, required } = z.toJSONSchema(planSchema, { io: 'input' });

/**
 * A plan as it arrives; the plan service names every fault of it at once, which a schema at the door could not. The reference shows
 * what belongs into one.
 */
export const planDocumentSchema = z
  .record(z.string(), z.unknown())
  .describe('One initiative with its phases and tasks, nested; dependencies by key.')
  .meta({ properties, required });
export type PlanDocument = z.infer<typeof planDocumentSchema>;

/** One fault: where (`phases[1].tasks[0].dependsOn[0]`), which, and what to do. */
export const planFaultSchema = z.object({ path: z.string(), code: z.string(), message: z.string() });
export type PlanFault = z.infer<typeof planFaultSchema>;

export const planReportSchema = z.object({
  valid: z.boolean(),
  faults: z.array(planFaultSchema),
  total: z.int().describe('How many faults there are; the list is cut at 500.'),
  counts: z.object({ projects: z.int(), phases: z.int(), tasks: z.int() }),
});
export type PlanReport = z.infer<typeof planReportSchema>;

const madeSchema = z.object({ id: z.uuid(), key: keySchema });

/** What a plan became. */
export const planAppliedSchema = z.object({
  initiative: madeSchema,
  phases: z.array(madeSchema.extend({ tasks: z.array(madeSchema) })),
});
export type PlanApplied = z.infer<typeof planAppliedSchema>;
