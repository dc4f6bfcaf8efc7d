import { z } from 'zod';
import { REFUSALS, type RefusalCode } from '../errors.ts';
import { STATUS } from './problem.ts';

const codes = Object.keys(REFUSALS) as [RefusalCode, ...RefusalCode[]];

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes).describe('Stable: branch on this, never on the text.'),
    detail: z.string().describe('What happened and what to do.'),
    requestId: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem' });

/** What any route that needs a token may answer. */
const ALWAYS: readonly RefusalCode[] = [
  'invalid_request',
  'unauthenticated',
  'forbidden',
  'host_not_allowed',
  'origin_not_allowed',
  'token_in_query',
  'unavailable',
  'internal_error',
];
const WITH_BODY: readonly RefusalCode[] = [
  'invalid_json',
  'invalid_encoding',
  'body_too_large',
  'unsupported_media_type',
];
const WITH_KEY: readonly RefusalCode[] = ['invalid_idempotency_key', 'key_reused'];

interface ProblemResponse {
  readonly description: string;
  readonly content: { readonly 'application/problem+json': { readonly schema: typeof problemSchema } };
}

/** The problem responses of a route, by status, each naming the codes it stands for. */
export function problems(
  options: { body?: boolean; key?: boolean },
  ...own: RefusalCode[]
): Record<number, ProblemResponse> {
  const byStatus: Record<number, ProblemResponse> = {};
  const all = new Set([
    ...ALWAYS,
    ...(options.body === true ? WITH_BODY : []),
    ...(options.key === true ? WITH_KEY : []),
    ...own,
  ]);
  const statuses = new Set([...all].map((code) => STATUS[code]));
  for (const status of statuses) {
    const here = [...all].filter((code) => STATUS[code] === status);
    byStatus[status] = {
      description: here.map((code) => `\`${code}\`: ${REFUSALS[code]}`).join('\n\n'),
      content: { 'application/problem+json': { schema: problemSchema } },
    };
  }
  return byStatus;
}

/** Headers that a POST may carry. Named here for the reference; `idempotency.ts` and `entity-tag.ts` read them. */
export const idempotencyHeader = z.looseObject({
  'idempotency-key': z
    .string()
    .optional()
    .describe(
      'Makes a repeated request the same request. 1 to 200 printable ASCII characters; remembered for seven days.',
    ),
});
export const eventHeaders = idempotencyHeader.extend({
  'if-match': z.string().optional().describe('The ETag that was seen; anything newer is refused with 412.'),
});
