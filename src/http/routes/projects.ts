import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import plugin from 'fastify-plugin';
import { z } from 'zod';
import type { RefusalCode } from '../../errors.ts';
import type { ProjectService } from '../../services/contracts.ts';
import { newProjectSchema, projectKeySchema, projectSchema } from '../../services/shapes/project.ts';
import { callerOf } from '../idempotency.ts';
import { OPERATORS, READERS } from '../plugins/authentication.ts';
import { idempotencyHeader, problems } from '../responses.ts';
import { sendAnswered } from '../send-answered.ts';

const tags = ['projects'];

/** Why a repository can not be a project. */
const UNFIT: readonly RefusalCode[] = [
  'invalid_key',
  'key_taken',
  'git_failed',
  'invalid_branch_name',
  'invalid_remote_url',
  'remote_scheme_not_allowed',
  'remote_url_has_credentials',
  'remote_needs_password',
  'remote_not_a_repository',
  'remote_unreachable',
  'remote_refused',
  'remote_owned_by_another',
  'clone_too_slow',
  'repository_has_no_commits',
  'repository_is_shallow',
  'default_branch_missing',
  'default_branch_reserved',
  'repository_uses_lfs',
  'repository_uses_submodules',
];

export const projectRoutes = plugin<{ projects: ProjectService }>(
  async (app, { projects }) => {
    const routes = app.withTypeProvider<ZodTypeProvider>();

    routes.post(
      '/v1/projects',
      {
        config: { access: OPERATORS },
        schema: {
          operationId: 'addProject',
          summary: 'Add a repository to deliver to',
          tags,
          headers: idempotencyHeader,
          body: newProjectSchema,
          response: { 201: projectSchema, ...problems({ body: true, key: true }, ...UNFIT) },
        },
      },
      async (request, reply) => sendAnswered(reply, 201, await projects.add(request.body, callerOf(request))),
    );

    routes.get(
      '/v1/projects',
      {
        config: { access: READERS },
        schema: {
          operationId: 'listProjects',
          summary: 'All projects',
          tags,
          response: { 200: z.object({ projects: z.array(projectSchema) }), ...problems({}) },
        },
      },
      async () => ({ projects: await projects.list() }),
    );

    routes.get(
      '/v1/projects/:key',
      {
        config: { access: READERS },
        schema: {
          operationId: 'getProject',
          summary: 'One project',
          tags,
          params: z.object({ key: projectKeySchema }),
          response: { 200: projectSchema, ...problems({}, 'unknown_project') },
        },
      },
      async (request) => projects.get(request.params.key),
    );
  },
  { name: 'project-routes', fastify: '5.x', dependencies: ['authentication', 'bodies', 'openapi'] },
);
