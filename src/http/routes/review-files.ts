import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RefusalCode } from '../../errors.ts';
import type { ReviewService } from '../../services/contracts.ts';
import {
  reviewDiffQuerySchema,
  reviewDiffSchema,
  reviewFilesQuerySchema,
  reviewFilesSchema,
} from '../../services/shapes/review-files.ts';
import { credentialsOf, READERS } from '../plugins/authentication.ts';
import { problems } from '../responses.ts';
import { KINDS } from './kinds.ts';

const params = z.object({ id: z.uuid() });
const refused = [
  'no_open_review',
  'no_earlier_review',
  'unknown_project',
  'invalid_cursor',
  'git_failed',
] as const satisfies readonly RefusalCode[];

/** What has changed in a unit under review: the files, and the lines of each. */
export const reviewFileRoutes = plugin<{ reviews: ReviewService }>(
  async (app, { reviews }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();
    const config = { access: READERS };

    for (const { kind, path, name, unknown } of KINDS) {
      routes.get(
        `/v1/${path}/:id/review/files`,
        {
          config,
          schema: {
            operationId: `list${name}ReviewFiles`,
            summary: 'The files that the open review changes, and the tasks behind each',
            tags: ['reviews'],
            params,
            querystring: reviewFilesQuerySchema,
            response: { 200: reviewFilesSchema, ...problems({}, unknown, ...refused) },
          },
        },
        async (request) =>
          reviews.files(kind, request.params.id, request.query, credentialsOf(request).principal),
      );

      routes.get(
        `/v1/${path}/:id/review/diff`,
        {
          config,
          schema: {
            operationId: `read${name}ReviewDiff`,
            summary: 'The changed lines of one file of the open review',
            description:
              'File names and lines are data of whoever wrote them, and come unchanged: escape them where they are shown.',
            tags: ['reviews'],
            params,
            querystring: reviewDiffQuerySchema,
            response: { 200: reviewDiffSchema, ...problems({}, unknown, ...refused, 'unknown_file') },
          },
        },
        async (request) =>
          reviews.diff(kind, request.params.id, request.query, credentialsOf(request).principal),
      );
    }
  },
  { name: 'review-file-routes', fastify: '5.x', dependencies: ['authentication', 'openapi'] },
);
