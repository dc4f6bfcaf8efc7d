import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ReviewService } from '../../services/contracts.ts';
import { reviewSchema } from '../../services/shapes/review.ts';
import { setEntityTag } from '../entity-tag.ts';
import { READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';
import { KINDS } from './kinds.ts';

const params = z.object({ id: z.uuid() });

/** What reviewers read, the same for tasks, phases and initiatives. */
export const reviewRoutes = plugin<{ reviews: ReviewService }>(
  async (app, { reviews }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: READERS };

    for (const { kind, path, name, unknown } of KINDS) {
      routes.get(
        `/v1/${path}/:id/review`,
        {
          config,
          schema: {
            operationId: `get${name}Review`,
            summary: 'The heads to decide on, and what was asked for so far',
            tags: ['reviews'],
            params,
            response: { 200: reviewSchema, ...problems({}, unknown, 'no_open_review') },
          },
        },
        async (request, reply) => {
          const review = await reviews.review(kind, request.params.id);
          setEntityTag(reply, review.version);
          return review;
        },
      );
    }
  },
  { name: 'review-routes', fastify: '5.x', dependencies: ['authentication', 'openapi'] },
);
