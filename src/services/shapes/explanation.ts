import { z } from 'zod';
import { keySchema, shaSchema } from '../../machines/payloads.ts';
import { kindSchema, sinceSchema, stateSchema } from './actor.ts';
import { scopeSchema } from './token.ts';

const time = z.iso.datetime();

const effectSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    invoke: z.string().describe('The `invoke` of the state that it answers.'),
    state: z.enum(['ready', 'running']),
    attempt: z.int().describe('How often it was begun.'),
    failures: z.int().describe('How many of those came to nothing; what its cap counts.'),
    nextTry: time.nullable().describe('Null while it is being done.'),
    lastError: z.object({ code: z.string().nullable(), message: z.string() }).nullable(),
  })
  .describe('Durable work of the service that the state waits for.');

const timerSchema = z
  .object({ name: z.string(), due: time })
  .describe('A durable event that comes by itself.');

const leaseSchema = z
  .object({ agentId: z.uuid(), agent: z.string(), attempt: z.int(), expires: time })
  .describe('Who works on it, and until when without another heartbeat.');

const slotsSchema = z
  .object({
    limit: z.int(),
    taken: z.int(),
    ahead: z.int().describe('How many phases wait for one; of a phase, how many get one before it.'),
  })
  .describe('The slots of the initiative.');

const otherSchema = z.object({
  id: z.uuid(),
  kind: kindSchema,
  key: keySchema,
  path: z.string().describe('The state it is in.'),
  tags: z.array(z.string()),
});

/** One thing it waits for, or that speaks for where it is. */
const reasonSchema = z.object({
  code: z.string(),
  text: z.string(),
  refers: z.array(z.string()).default([]),
  effect: effectSchema.optional(),
  timer: timerSchema.optional(),
  lease: leaseSchema.optional(),
  slots: slotsSchema.optional(),
  others: z.array(otherSchema).optional().describe('The tasks or phases that it waits for.'),
});
export type Reason = z.infer<typeof reasonSchema>;
export type Other = z.infer<typeof otherSchema>;

const moveSchema = z.object({
  kind: z
    .enum(['event', 'agent', 'message', 'effect', 'timer', 'lease', 'replay'])
    .describe(
      'An `event` is posted by a person, and what an `agent` does comes by its own routes; `replay` is a route. The others come by themselves.',
    ),
  event: z.string().nullable(),
  what: z.string(),
  by: z.array(scopeSchema).describe('The scopes whose tokens may do it; none where it comes by itself.'),
});
export type Move = z.infer<typeof moveSchema>;

const needsYouSchema = z.object({
  text: z.string().describe('What a person is to do.'),
  failure: z
    .object({ code: z.string(), message: z.string(), fix: z.string() })
    .nullable()
    .describe('What went wrong, if something did, and what helps against it.'),
});
export type NeedsYou = z.infer<typeof needsYouSchema>;

const suggestionSchema = z.object({
  event: z.string(),
  text: z.string(),
  projects: z.array(
    z.object({
      key: keySchema,
      branch: z.string(),
      commits: z.int().describe('How many commits of the default branch the initiative does not have.'),
      isMore: z.boolean().describe('True when there are more: counting ends somewhere.'),
      tip: shaSchema.describe(
        'Where the default branch was when it was last fetched; this answer fetches nothing.',
      ),
      fetchedAt: time.describe(
        'When that was, or earlier: what an initiative has fetched itself does not count.',
      ),
    }),
  ),
});
export type Suggestion = z.infer<typeof suggestionSchema>;

/** Why it is where it is, and what would move it. */
export const explanationSchema = z.object({
  id: z.uuid(),
  kind: kindSchema,
  key: keySchema,
  state: stateSchema,
  path: z.string().describe('The state in one word, such as `in_progress.working`.'),
  tags: z.array(z.string()),
  since: sinceSchema,
  sentence: z.string().describe('What the state means.'),
  settled: z.boolean().describe('True when it is over: nothing moves it any more.'),
  needsYou: needsYouSchema.nullable(),
  reasons: z.array(reasonSchema).describe('What it waits for, and why it is where it is.'),
  moves: z.array(moveSchema).describe('All that would move it or change something about it, and who may.'),
  suggestions: z.array(suggestionSchema).describe('What would be good to do, though nothing waits for it.'),
});
export type Explanation = z.infer<typeof explanationSchema>;
