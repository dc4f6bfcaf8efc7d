import type { FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Refusal } from '../../errors.ts';
import type { JournalFeed } from '../../services/contracts.ts';
import { readFeed } from '../../services/journal-feed.ts';
import { toEntryView } from '../../services/journal-view.ts';
import { feedPageSchema } from '../../services/shapes/journal.ts';
import { EventStream } from '../event-stream.ts';
import { followFeed } from '../follow-feed.ts';
import { credentialsOf, READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';

export interface FeedRoutesOptions {
  readonly feed: JournalFeed;
  readonly keepAliveMs: number;
}

const CURSOR_MAX = 200;
const from = {
  initiative: z.uuid().optional().describe('Only the journal of this initiative and all that belongs to it.'),
  after: z
    .string()
    .min(1)
    .max(CURSOR_MAX)
    .optional()
    .describe('A cursor: the `next` of a page, or the id of a stream event.'),
};

const streamHeaders = z.looseObject({
  'last-event-id': z
    .string()
    .optional()
    .describe('The id of the last event that was read; goes before `after`. Browsers send it by themselves.'),
});

/** Last-Event-ID is what a browser sends by itself, and newer than the address it first came with. */
function placeOf(request: FastifyRequest, after: string | undefined): string | undefined {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return after;
  if (typeof header !== 'string' || header.length > CURSOR_MAX) {
    throw new Refusal('invalid_cursor', 'Last-Event-ID is not an id that this stream gave out');
  }
  return header;
}

/** The journal of everything: pages, and a stream that can be resumed. */
export const feedRoutes = plugin<FeedRoutesOptions>(
  async (app, { feed, keepAliveMs }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: READERS };

    routes.get(
      '/v1/journal',
      {
        config,
        schema: {
          operationId: 'readFeed',
          summary: 'A page of the journal of everything, in the order of the feed',
          tags: ['journal'],
          querystring: z.object({ ...from, limit: z.coerce.number().int().min(1).max(500).default(100) }),
          response: { 200: feedPageSchema, ...problems({}, 'invalid_cursor') },
        },
      },
      async (request) => {
        const { after, initiative, limit } = request.query;
        const page = await readFeed(feed, {
          limit,
          ...(after === undefined ? {} : { after }),
          ...(initiative === undefined ? {} : { rootId: initiative }),
        });
        return { entries: page.entries.map(toEntryView), next: page.next };
      },
    );

    routes.get(
      '/v1/journal/stream',
      {
        config,
        // A stream has no end that a HEAD could wait for.
        exposeHeadRoute: false,
        schema: {
          operationId: 'streamJournal',
          summary: 'The journal as server-sent events',
          description:
            'First `hello`, then `journal` events, each with the entry as data and its cursor as id. A reader that comes back with Last-Event-ID goes on right after it.',
          tags: ['journal'],
          querystring: z.object(from),
          headers: streamHeaders,
          response: {
            200: { description: 'The stream.', content: { 'text/event-stream': { schema: z.string() } } },
            ...problems({}, 'invalid_cursor', 'too_many_streams'),
          },
        },
      },
      async (request, reply) => {
        const { initiative } = request.query;
        const after = placeOf(request, request.query.after);
        // Once the stream has begun, a place that does not exist could not be refused any more.
        if (after !== undefined) await readFeed(feed, { after, limit: 1 });
        const leave = app.openStream();
        const stream = new EventStream(reply, keepAliveMs, credentialsOf(request).isStillValid);
        const signal = AbortSignal.any([app.closing, stream.signal]);
        try {
          await stream.hello({ after: after ?? null, initiative: initiative ?? null });
          for await (const entries of followFeed(feed, {
            signal,
            ...(after === undefined ? {} : { after }),
            ...(initiative === undefined ? {} : { rootId: initiative }),
          })) {
            for (const entry of entries) await stream.send('journal', entry.cursor, toEntryView(entry));
          }
        } catch (error) {
          // The answer has begun: all that is left is to end it. The reader comes back with Last-Event-ID.
          request.log.warn({ err: error }, 'the journal stream ended early');
        } finally {
          stream.end();
          leave();
        }
        return reply;
      },
    );
  },
  { name: 'feed-routes', fastify: '5.x', dependencies: ['authentication', 'closing', 'openapi', 'streams'] },
);
