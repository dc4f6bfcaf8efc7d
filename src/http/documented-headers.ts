interface Header {
  readonly description: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly enum?: readonly string[] };
}

const ENTITY_TAG: Header = {
  description:
    'The version of the actor, for If-Match when an event is sent to it, or a comment on its review, and for nothing else: children do not change it, so it does not say whether this answer would be the same again.',
  schema: { type: 'string' },
};
const REPLAYED: Header = {
  description: '`true`: this is the stored answer of an earlier request with the same Idempotency-Key.',
  schema: { type: 'string', enum: ['true', 'false'] },
};
const RETRY_AFTER: Header = {
  description: 'After how many seconds the request may be sent again.',
  schema: { type: 'integer' },
};

/** The operations that show or move one actor. */
const TAGGED = /^(?:get|replay)(?:Initiative|Phase|Task)(?:Review)?$|^send(?:Initiative|Phase|Task)Event$/;

interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name?: string }[];
  readonly responses?: Readonly<Record<string, { headers?: Record<string, unknown> }>>;
}

/** Adds the headers of answers to the document: the schemas of routes describe bodies only. */
export function documentHeaders<T extends { readonly paths?: object }>(document: T): T {
  const paths = Object.values(document.paths ?? {}) as Readonly<Record<string, Operation>>[];
  for (const operation of paths.flatMap((methods) => Object.values(methods))) {
    const { operationId = '', parameters = [], responses = {} } = operation;
    const takesKey = parameters.some(({ name }) => name === 'idempotency-key');
    for (const [status, response] of Object.entries(responses)) {
      if (status === '503') response.headers = { 'Retry-After': RETRY_AFTER };
      if (status === '200' && TAGGED.test(operationId)) response.headers = { ETag: ENTITY_TAG };
      // A report or an event that is repeated says so in its body.
      if (status === '201' && takesKey) response.headers = { 'Idempotency-Replayed': REPLAYED };
    }
  }
  return document;
}
