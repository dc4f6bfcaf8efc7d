import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RefusalCode } from '../../errors.ts';
import type { EventCatalog, TransitionService } from '../../services/contracts.ts';
import { isForPeople } from '../../services/door-events.ts';
import {
  eventAnswerSchema,
  eventBodySchema,
  type Kind,
  replayedSchema,
} from '../../services/shapes/actor.ts';
import { setEntityTag, versionIfMatch } from '../entity-tag.ts';
import { isIdempotent, sendingOf } from '../idempotency.ts';
import { MOVERS, OPERATORS } from '../plugins/authentication.ts';
import { eventHeaders, problems } from '../responses.ts';

/** What the runtime may refuse an event with. */
const REFUSED: readonly RefusalCode[] = [
  'unknown_event',
  'invalid_payload',
  'sender_not_allowed',
  'not_enabled',
  'event_rejected',
  'stale_version',
  'quarantined',
  'not_active',
  'constraint',
];

/** What an event may link things to. */
const LINKED = ['unknown_dependency', 'too_many_dependents'] as const;
/** What an event may add to a plan. */
const ADDED = ['invalid_key', 'key_taken', 'unknown_project', ...LINKED] as const;
/** What stands in the way of a change beside a task that is being split, and of the split itself. */
const SPLIT = ['split_under_way', 'too_many_dependencies'] as const;
/** Requests for changes with comments on what a review serves. */
const COMMENTED = [
  'no_rounds_left',
  'no_open_review',
  'unknown_project',
  'unknown_file',
  'unknown_line',
  'too_many_comments',
  'git_failed',
] as const;
/** An approval of heads that are compared with git. */
const REVIEWED = ['heads_moved', 'heads_not_served', ...COMMENTED] as const;

const DOORS = [
  {
    kind: 'initiative',
    path: 'initiatives',
    operationId: 'sendInitiativeEvent',
    unknown: 'unknown_initiative',
    own: [...ADDED, ...REVIEWED, 'invalid_order', 'merge_under_way', 'remote_branch_checked_out'],
  },
  {
    kind: 'phase',
    path: 'phases',
    operationId: 'sendPhaseEvent',
    unknown: 'unknown_phase',
    own: [...ADDED, ...SPLIT, ...REVIEWED, 'dependency_cycle', 'dependents_unstated'],
  },
  {
    kind: 'task',
    path: 'tasks',
    operationId: 'sendTaskEvent',
    unknown: 'unknown_task',
    own: [
      ...ADDED,
      ...SPLIT,
      ...COMMENTED,
      'work_begun',
      'dependency_cycle',
      'dependents_unstated',
      'heads_not_served',
    ],
  },
] as const satisfies readonly {
  kind: Kind;
  path: string;
  operationId: string;
  unknown: RefusalCode;
  own: readonly RefusalCode[];
}[];

/**
 * The reference shows every event that a person may send, with its payload. It only describes: what is wrong with an event is
 * said by the service, which knows the actor, under a code of its own.
 */
function documented(catalog: EventCatalog) {
  const events = Object.entries(catalog)
    .filter(([, entry]) => isForPeople(entry))
    .map(([type, { schema, senders, description }]) => {
      const { $schema: _draft, ...shape } = z.toJSONSchema(schema.extend({ type: z.literal(type) }), {
        io: 'input',
      });
      return { ...shape, title: type, description: `${description} Sent by: ${senders.join(', ')}.` };
    });
  return eventBodySchema.meta({ oneOf: events });
}

/** One door per actor: everything a person tells an initiative, a phase or a task goes through here. */
export const actorEventRoutes = plugin<{ transitions: TransitionService }>(
  async (app, { transitions }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    for (const { kind, path, operationId, unknown, own } of DOORS) {
      routes.post(
        `/v1/${path}/:id/events`,
        {
          config: { access: MOVERS },
          schema: {
            operationId,
            summary: `Tell the ${kind} something`,
            tags: [path],
            headers: eventHeaders,
            params: z.object({ id: z.uuid() }),
            body: documented(transitions.events[kind]),
            response: {
              200: eventAnswerSchema,
              ...problems({ body: true, key: true }, unknown, ...REFUSED, ...own),
            },
          },
        },
        async (request, reply) => {
          const { type, ...payload } = request.body;
          const { principal, eventIdFor, request: key } = sendingOf(request);
          const { id } = request.params;
          const answer = await transitions.send(
            kind,
            id,
            { eventId: eventIdFor(id), type, payload, ifVersion: versionIfMatch(request), request: key },
            principal,
          );
          setEntityTag(reply, answer.version);
          return { ...answer, idempotent: isIdempotent(request) };
        },
      );

      routes.post(
        `/v1/${path}/:id/replay`,
        {
          config: { access: OPERATORS },
          schema: {
            operationId: operationId.replace(/^send(.*)Event$/, 'replay$1'),
            summary: `Take the ${kind} out of quarantine and apply again what caused it`,
            tags: [path],
            params: z.object({ id: z.uuid() }),
            response: { 200: replayedSchema, ...problems({}, unknown, 'not_quarantined') },
          },
        },
        async (request, reply) => {
          const replayed = await transitions.replay(kind, request.params.id);
          setEntityTag(reply, replayed.version);
          return replayed;
        },
      );
    }
  },
  { name: 'actor-event-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
