import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Refusal } from '../../errors.ts';
import type { ActorSource, JournalFeed, ReadService } from '../../services/contracts.ts';
import type { InspectTickets } from '../../services/inspect-tickets.ts';
import type { MachineCatalog } from '../../services/machine-catalog.ts';
import type { TokenService } from '../../services/tokens.ts';
import { inspectInitiative } from '../inspect/inspection.ts';
import { sendAll } from '../inspect/send-all.ts';
import { INSPECT_PATH } from '../paths.ts';
import { credentialsOf, READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';

export interface InspectRoutesOptions {
  readonly tickets: InspectTickets;
  readonly tokens: Pick<TokenService, 'isInForce'>;
  readonly reads: ReadService;
  readonly feed: JournalFeed;
  readonly actors: ActorSource;
  readonly machines: MachineCatalog;
  readonly publicUrl: () => string;
  readonly keepAliveMs: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the ticket of a WebSocket request opened. */
    redeemedTicket: Awaited<ReturnType<InspectTickets['redeem']>> | null;
  }
}

export const inspectRoutes = plugin<InspectRoutesOptions>(
  async (app, { tickets, tokens, reads, feed, actors, machines, publicUrl, keepAliveMs }) => {
    app.decorateRequest('redeemedTicket', null);
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const definitionOf = (machine: string) => JSON.stringify(machines.get(machine).definition);

    routes.post(
      '/v1/inspect/tickets',
      {
        config: { access: READERS },
        schema: {
          operationId: 'issueInspectTicket',
          summary: 'Open the inspector for one initiative, once, within a minute',
          tags: ['inspector'],
          body: z.strictObject({ initiative: z.uuid() }),
          response: {
            201: z.object({ ticket: z.string(), url: z.string(), expiresAt: z.iso.datetime() }),
            ...problems({ body: true }, 'unknown_initiative'),
          },
        },
      },
      async (request, reply) => {
        const { initiative } = request.body;
        const { principal } = credentialsOf(request);
        await reads.initiative(initiative, principal);
        const { ticket, expiresAt } = await tickets.issue(initiative, principal.tokenId);
        const url = `${publicUrl().replace(/^http/, 'ws')}${INSPECT_PATH}?ticket=${ticket}`;
        return reply.code(201).send({ ticket, url, expiresAt: expiresAt.toISOString() });
      },
    );

    app.route<{ Querystring: { ticket: string } }>({
      method: 'GET',
      url: INSPECT_PATH,
      exposeHeadRoute: false,
      // The ticket says who may: a browser's WebSocket can send no token in a header.
      config: { access: 'public' },
      schema: {
        operationId: 'inspect',
        summary: 'The initiative in the protocol of @statelyai/inspect (WebSocket)',
        tags: ['inspector'],
        security: [],
        querystring: z.object({ ticket: z.string().min(1).max(100) }),
        response: problems(
          {},
          'upgrade_required',
          'invalid_ticket',
          'origin_not_allowed',
          'too_many_streams',
        ),
      },
      preHandler: async (request) => {
        if (!request.ws) return;
        // Before the upgrade: a refusal is an ordinary answer that way, and the ticket is spent by this request alone. The place
        // comes first, so that a ticket is not spent on an answer of "later".
        const leave = app.openStream();
        const { socket } = request.raw;
        socket.once('close', leave);
        if (socket.destroyed) leave();
        try {
          request.redeemedTicket = await tickets.redeem(request.query.ticket);
        } catch (error) {
          leave();
          throw error;
        }
      },
      handler: async () => {
        throw new Refusal('upgrade_required', 'connect with a WebSocket');
      },
      wsHandler: async (socket, request) => {
        const opened = request.redeemedTicket;
        if (opened === null) throw new Error('the socket was opened without its ticket');
        const messages = (signal: AbortSignal) =>
          inspectInitiative({ feed, actors, definitionOf }, opened.initiativeId, signal);
        await sendAll(socket, messages, {
          closing: app.closing,
          isStillValid: () => tokens.isInForce(opened.tokenId),
          keepAliveMs,
          log: request.log,
        });
      },
    });
  },
  {
    name: 'inspect-routes',
    fastify: '5.x',
    dependencies: ['authentication', 'bodies', 'closing', 'openapi', 'streams', 'web-socket'],
  },
);
