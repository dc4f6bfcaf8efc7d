import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { answerBrokenRequest } from './broken-request.ts';
import { DEFAULT_OPTIONS, type ServerDeps, type ServerOptions } from './deps.ts';
import { requestLogger } from './logger.ts';
import { authentication } from './plugins/authentication.ts';
import { bodies } from './plugins/bodies.ts';
import { closing } from './plugins/closing.ts';
import { errorHandler, sendProblem } from './plugins/error-handler.ts';
import { guard } from './plugins/guard.ts';
import { openapi } from './plugins/openapi.ts';
import { referencePage } from './plugins/reference-page.ts';
import { streams } from './plugins/streams.ts';
import { upgradeOptions, webSocket } from './plugins/web-socket.ts';
import { actorEventRoutes } from './routes/actor-events.ts';
import { actorReadRoutes } from './routes/actor-reads.ts';
import { agentRoutes } from './routes/agents.ts';
import { claimRoutes } from './routes/claims.ts';
import { feedRoutes } from './routes/feed.ts';
import { gitRoutes } from './routes/git.ts';
import { healthRoutes } from './routes/health.ts';
import { inspectRoutes } from './routes/inspect.ts';
import { machineRoutes } from './routes/machines.ts';
import { planRoutes } from './routes/plans.ts';
import { projectRoutes } from './routes/projects.ts';
import { reportRoutes } from './routes/reports.ts';
import { reviewCommentRoutes } from './routes/review-comments.ts';
import { reviewFileRoutes } from './routes/review-files.ts';
import { reviewRoutes } from './routes/reviews.ts';
import { tokenRoutes } from './routes/tokens.ts';

/** A request id from outside is taken over when it can do no harm in a log. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * The HTTP side, ready to listen or to be injected into; it owns nothing that it is given and closes none of it. `close` ends
 * streams and waiting claims at once and lets other requests finish.
 */
export async function createServer(
  deps: ServerDeps,
  given: Partial<ServerOptions> & Pick<ServerOptions, 'publicUrl'>,
): Promise<FastifyInstance> {
  const options: ServerOptions = { ...DEFAULT_OPTIONS, ...given };
  const app = Fastify({
    ...(options.log === null ? { logger: false } : { loggerInstance: requestLogger(options.log) }),
    http: upgradeOptions,
    bodyLimit: options.bodyLimitBytes,
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const id = headers['x-request-id'];
      return typeof id === 'string' && REQUEST_ID.test(id) ? id : randomUUID();
    },
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply);
    },
    clientErrorHandler: answerBrokenRequest,
    return503OnClosing: false,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  await app.register(errorHandler);
  await app.register(webSocket);
  await app.register(guard, options);
  await app.register(closing);
  await app.register(streams, options);
  await app.register(bodies);
  await app.register(openapi);
  await app.register(authentication, {
    authenticate: (secret: string) => deps.tokens.authenticate(secret),
  });

  const { publicUrl, keepAliveMs } = options;
  await app.register(inspectRoutes, { ...deps, publicUrl, keepAliveMs });
  await app.register(healthRoutes, deps);
  await app.register(projectRoutes, deps);
  await app.register(planRoutes, deps);
  await app.register(actorReadRoutes, deps);
  await app.register(reviewRoutes, deps);
  await app.register(reviewCommentRoutes, deps);
  await app.register(reviewFileRoutes, deps);
  await app.register(actorEventRoutes, deps);
  await app.register(agentRoutes, deps);
  await app.register(claimRoutes, { ...deps, publicUrl });
  await app.register(reportRoutes, deps);
  await app.register(tokenRoutes, deps);
  await app.register(machineRoutes, deps);
  await app.register(feedRoutes, { ...deps, keepAliveMs });
  await app.register(gitRoutes, deps);
  await app.register(referencePage);
  return app;
}
