import { z } from 'zod';
import { keySchema, strategySchema, textSchema } from '../../machines/payloads.ts';

/**
 * A repository to deliver to. Key, remote and branch are only bounded here: what is wrong with them is said by the service, under
 * a code of its own (`invalid_key`, `invalid_remote_url`, `remote_scheme_not_allowed`, `invalid_branch_name`).
 */
export const newProjectSchema = z.strictObject({
  key: textSchema(200)
    .min(1)
    .meta({ examples: ['api'] }),
  remote: textSchema(2_048)
    .min(1)
    .meta({ examples: ['https://git.example/team/api.git'] }),
  defaultBranch: textSchema(255).min(1).optional(),
});
export type NewProject = z.infer<typeof newProjectSchema>;

/** A delivery strategy, and why it is not offered for this project where it is not. */
export const offerSchema = z.object({
  strategy: strategySchema,
  offered: z.boolean(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
});

export const projectSchema = z.object({
  id: z.uuid(),
  key: keySchema,
  remote: z.string().describe('Without any password it was given with.'),
  defaultBranch: z.string(),
  strategies: z.array(offerSchema),
  createdAt: z.iso.datetime(),
});
export type ProjectView = z.infer<typeof projectSchema>;

export { keySchema as projectKeySchema };
