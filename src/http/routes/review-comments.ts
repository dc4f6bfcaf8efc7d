import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CommentService } from '../../services/contracts.ts';
import {
  commentStateSchema,
  commentThreadSchema,
  newCommentSchema,
  newReplySchema,
  placedThreadSchema,
  stateChangeSchema,
} from '../../services/shapes/comment.ts';
import { versionIfMatch } from '../entity-tag.ts';
import { callerOf } from '../idempotency.ts';
import { MOVERS, READERS } from '../plugins/authentication.ts';
import { eventHeaders, idempotencyHeader, problems } from '../responses.ts';
import { sendAnswered } from '../send-answered.ts';
import { KINDS } from './kinds.ts';

const params = z.object({ id: z.uuid() });
const tags = ['reviews'];

/** Comments of reviewers, the same for tasks, phases and initiatives. */
export const reviewCommentRoutes = plugin<{ comments: CommentService }>(
  async (app, { comments }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();

    for (const { kind, path, name, unknown } of KINDS) {
      routes.get(
        `/v1/${path}/:id/review/comments`,
        {
          config: { access: READERS },
          schema: {
            operationId: `list${name}Comments`,
            summary: 'All comments on it, and where their lines are in what is served now',
            tags,
            params,
            querystring: z.object({ state: commentStateSchema.optional() }),
            response: {
              200: z.object({ comments: z.array(placedThreadSchema) }),
              ...problems({}, unknown, 'git_failed'),
            },
          },
        },
        async (request) => ({
          comments: await comments.list(kind, request.params.id, request.query.state),
        }),
      );

      routes.post(
        `/v1/${path}/:id/review/comments`,
        {
          config: { access: MOVERS },
          schema: {
            operationId: `add${name}Comment`,
            summary: 'Comment on a file, a line or several lines of what is served',
            description:
              'The comment goes to an agent with the next request for changes, and is carried over to later reviews on its new lines, or marked as outdated. Send the ETag of the review in If-Match: without it, the comment is on whatever is served by now, where the same line may be other code.',
            tags,
            params,
            headers: eventHeaders,
            body: newCommentSchema,
            response: {
              201: commentThreadSchema,
              ...problems(
                { body: true, key: true },
                unknown,
                'no_open_review',
                'stale_version',
                'unknown_project',
                'unknown_file',
                'unknown_line',
                'too_many_comments',
                'git_failed',
              ),
            },
          },
        },
        async (request, reply) =>
          sendAnswered(
            reply,
            201,
            await comments.add(
              kind,
              request.params.id,
              request.body,
              callerOf(request),
              versionIfMatch(request),
            ),
          ),
      );
    }

    routes.post(
      '/v1/review/comments/:id/replies',
      {
        config: { access: MOVERS },
        schema: {
          operationId: 'replyToComment',
          summary: 'Say something to a comment',
          tags,
          params,
          headers: idempotencyHeader,
          body: newReplySchema,
          response: { 201: commentThreadSchema, ...problems({ body: true, key: true }, 'unknown_comment') },
        },
      },
      async (request, reply) =>
        sendAnswered(reply, 201, await comments.reply(request.params.id, request.body, callerOf(request))),
    );

    routes.post(
      '/v1/review/comments/:id/state',
      {
        config: { access: MOVERS },
        schema: {
          operationId: 'setCommentState',
          summary: 'Open a comment again, or say that it is addressed or dismissed',
          tags,
          params,
          headers: idempotencyHeader,
          body: stateChangeSchema,
          response: { 200: commentThreadSchema, ...problems({ body: true, key: true }, 'unknown_comment') },
        },
      },
      async (request, reply) =>
        sendAnswered(reply, 200, await comments.setState(request.params.id, request.body, callerOf(request))),
    );
  },
  { name: 'review-comment-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
