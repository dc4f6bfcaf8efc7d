import plugin from 'fastify-plugin';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AgentService } from '../../services/contracts.ts';
import { claimRequestSchema, claimSchema } from '../../services/shapes/agent.ts';
import { negotiate } from '../accept.ts';
import { claimLines } from '../claim-lines.ts';
import { callerOf } from '../idempotency.ts';
import { AGENTS, credentialsOf } from '../plugins/authentication.ts';
import { idempotencyHeader, problems } from '../responses.ts';
import { goneSignal } from '../gone-signal.ts';

export const claimRoutes = plugin<{ agents: AgentService; publicUrl: () => string }>(
  async (app, { agents, publicUrl }) => {
    app.withTypeProvider<ZodTypeProvider>().post(
      '/v1/agents/:id/claim',
      {
        config: { access: AGENTS },
        schema: {
          operationId: 'claimTask',
          summary: 'Take a task; waits for one when asked to',
          description:
            'All that an agent needs for one attempt. An agent that holds a lease is answered with it again. A repeated Idempotency-Key is answered with the lease that it led to; once that lease has ended it is refused with `lease_over`, so that a late repetition never takes another task. An answer of 204 is not kept: the same key goes on asking. As `text/plain`: one `NAME=value` per line, line breaks in values as `\\n` and `\\r`, backslashes as `\\\\`. Values are data: read them line by line and decode them with `printf %b`; never `eval` or source them. The names are TASK_ID, TASK_KEY, PHASE_KEY, INITIATIVE_KEY, TASK_TITLE, TASK_DESCRIPTION, CATEGORY, ATTEMPT, MAX_ATTEMPTS, LEASE_ID, LEASE_SECONDS, HEARTBEAT_SECONDS, GIT_USERNAME, GIT_PASSWORD, BRANCH and NEXT (what the task may be told, by space); as often as needed PROJECT (key, address, base commit, ref to start from), MERGE (key, commit), LATE (project, attempt, commit and ref of what was pushed after a lease), COMMENT_ID and after each COMMENT (project, file:line or file:first-last, text) and COMMENT_SIDE (`old`: the lines are those before the change, or `new`), CONFLICT (project, kind, path) and INTENT (project, side, commit, what it was for); for a merge task CONFLICT_OF (kind of unit, key).',
          tags: ['agents'],
          params: z.object({ id: z.uuid() }),
          headers: idempotencyHeader,
          body: claimRequestSchema,
          response: {
            200: {
              description: 'The claim.',
              content: { 'application/json': { schema: claimSchema }, 'text/plain': { schema: z.string() } },
            },
            204: z.null().describe('Nothing became claimable in time.'),
            ...problems(
              { body: true, key: true },
              'unknown_agent',
              'foreign_agent',
              'lease_over',
              'git_failed',
              'not_acceptable',
              'too_many_streams',
            ),
          },
        },
      },
      async (request, reply) => {
        const form = negotiate(request, ['application/json', 'text/plain']);
        const leave = request.body.waitSeconds === 0 ? () => undefined : app.openWait();
        const claim = await agents
          .claim(request.params.id, request.body, {
            ...callerOf(request),
            leaseSecret: credentialsOf(request).leaseSecret,
            signal: AbortSignal.any([app.closing, goneSignal(reply)]),
            hubUrl: `${publicUrl()}/git`,
          })
          .finally(leave);
        if (claim === null) return reply.code(204).send(null);
        if (form === 'application/json') return reply.code(200).send(claim);
        return reply.code(200).type('text/plain; charset=utf-8').send(claimLines(claim));
      },
    );
  },
  {
    name: 'claim-routes',
    fastify: '5.x',
    dependencies: ['authentication', 'bodies', 'closing', 'openapi', 'streams'],
  },
);
