import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { PlanService } from '../../services/contracts.ts';
import { planAppliedSchema, planDocumentSchema, planReportSchema } from '../../services/shapes/plan.ts';
import { callerOf } from '../idempotency.ts';
import { OPERATORS, READERS } from '../plugins/authentication.ts';
import { acceptYaml } from '../plugins/bodies.ts';
import { idempotencyHeader, problems } from '../responses.ts';
import { sendAnswered } from '../send-answered.ts';

const tags = ['plans'];
const consumes = ['application/json', 'application/yaml'];

/** Encapsulated: YAML is taken here and nowhere else. */
export const planRoutes = plugin<{ plans: PlanService }>(
  async (app, { plans }) => {
    acceptYaml(app);
    const routes = app.withTypeProvider<ZodTypeProvider>();

    routes.post(
      '/v1/plans',
      {
        config: { access: OPERATORS },
        schema: {
          operationId: 'applyPlan',
          summary: 'Make an initiative of a plan',
          tags,
          consumes,
          headers: idempotencyHeader,
          body: planDocumentSchema,
          response: {
            201: planAppliedSchema,
            ...problems({ body: true, key: true }, 'invalid_plan', 'invalid_yaml', 'unknown_project'),
          },
        },
      },
      async (request, reply) => sendAnswered(reply, 201, await plans.apply(request.body, callerOf(request))),
    );

    routes.post(
      '/v1/plans/validate',
      {
        config: { access: READERS },
        schema: {
          operationId: 'validatePlan',
          summary: 'All faults of a plan at once; changes nothing',
          tags,
          consumes,
          body: planDocumentSchema,
          response: { 200: planReportSchema, ...problems({ body: true }, 'invalid_yaml') },
        },
      },
      async (request) => plans.validate(request.body),
    );
  },
  {
    name: 'plan-routes',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['authentication', 'bodies', 'openapi'],
  },
);
