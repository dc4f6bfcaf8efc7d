import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { defaultClock } from './actors/clock.ts';
import { createRuntime } from './actors/create-runtime.ts';
import type { InstanceClaim } from './actors/instance.ts';
import type { Runtime, RuntimeClock } from './actors/runtime.ts';
import type { Config } from './config.ts';
import type { DataFolder } from './db/data-folder.ts';
import type { Database } from './db/database.ts';
import { PgDeliveryStore } from './db/delivery-store.ts';
import { PgIntentStore } from './db/intent-store.ts';
import type { Boundary } from './git/boundary.ts';
import { GitMergeEngine } from './git/git-merge-engine.ts';
import { GitRunner } from './git/git-runner.ts';
import { Hub } from './git/hub.ts';
import { NodegitMergeEngine } from './git/nodegit-merge-engine.ts';
import { createServer } from './http/server.ts';
import { machineDefinitions } from './machines/definitions.ts';
import { Agents } from './services/agents.ts';
import { ChangesByTask } from './services/changes-by-task.ts';
import { ComparedFiles } from './services/compared-files.ts';
import { effectBodies } from './services/effects/effect-bodies.ts';
import { RunningBodies } from './services/effects/running-bodies.ts';
import { Explain } from './services/explain/explain.ts';
import { HubGrants } from './services/hub-grants.ts';
import { InspectTickets } from './services/inspect-tickets.ts';
import { extendLeases, LeaseSweeper } from './services/lease-sweeper.ts';
import { MachineCatalog } from './services/machine-catalog.ts';
import { Planning } from './services/planning.ts';
import { PlanStore } from './services/plan-store.ts';
import { Projects } from './services/projects.ts';
import { ReadinessMonitor } from './services/readiness.ts';
import { Comments } from './services/comments.ts';
import { Reads } from './services/reads.ts';
import { ReviewComparisons } from './services/review-comparison.ts';
import { ReviewDiffs } from './services/review-diffs.ts';
import { ReviewFiles } from './services/review-files.ts';
import { Reviews } from './services/reviews.ts';
import { ServedReviews } from './services/served-reviews.ts';
import { RemoteWatch, type RemoteWatchClock } from './services/remote-watch.ts';
import { RequestPruner } from './services/request-pruner.ts';
import { rowWriters } from './services/row-writers/row-writers.ts';
import { TokenService } from './services/tokens.ts';
import { Transitions } from './services/transitions.ts';

export interface AppOptions {
  readonly config: Config;
  readonly database: Database;
  readonly dataFolder: DataFolder;
  /** That no other process has this folder: what its last run left can be taken back at once. */
  readonly claim?: InstanceClaim;
  /** The points at which tests stop the service in the middle of its work; does nothing in production. */
  readonly boundary: Boundary;
  /** The Node that the hub's hooks and the fork server run on; this process's own when not stated. */
  readonly node?: string;
  readonly log: Logger;
  /** Why a database server of our own is down and does not start; null while there is nothing to say. */
  readonly serverTrouble?: () => string | null;
  /** Where clients reach the service; known after listening. */
  readonly publicUrl: () => string;
  /** Shorter terms, for tests that wait for them. */
  readonly clock?: Partial<RuntimeClock & RemoteWatchClock>;
}

export interface App {
  readonly server: FastifyInstance;
  readonly runtime: Runtime;
  /** Puts the hub right, makes the first token, sweeps what a crash left, then lets the actors run. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Who is named in the merge commits. */
const AUTHOR = { name: 'Signalbox', email: 'signalbox@localhost' };

/** How long the close waits for work that was told to stop. */
const BODY_END_MS = 5_000;

/** Wires the parts. Nothing runs before `start`. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, database, dataFolder, log } = options;
  const { sql, orm } = database;
  const runner = new GitRunner({
    remoteConfig: config.gitConfig ?? undefined,
    remoteCredentials: config.gitCredentials,
    node: options.node,
  });
  const remotes = { insecureHosts: config.insecureRemoteHosts };
  // A new name for each process: a landing that one began and another finished can be told by it.
  const intents = new PgIntentStore(sql, { process: `${dataFolder.instanceId}/${randomUUID()}` });
  const hub = new Hub({
    root: dataFolder.hub,
    runner,
    node: options.node,
    remotes,
    ownedRefs: (projectId) => intents.ownedRefs(projectId),
    exclusively: (name, work) => intents.exclusively(name, work),
  });
  const plan = new PlanStore(orm);
  const running = new RunningBodies();
  const tokens = new TokenService(sql);
  const engine = config.mergeEngine === 'nodegit' ? await NodegitMergeEngine.load() : new GitMergeEngine();

  // The bodies of effects read actors, and the runtime runs the bodies: the one knot, tied here.
  const runtime: Runtime = createRuntime({
    sql,
    definitions: machineDefinitions,
    effects: effectBodies({
      sql,
      plan,
      hub,
      engine,
      remotes,
      intents,
      deliveries: new PgDeliveryStore(sql),
      boundary: options.boundary,
      log,
      running,
      author: AUTHOR,
      actors: () => runtime,
    }),
    rowWriters,
    instanceId: dataFolder.instanceId,
    ...(options.claim === undefined ? {} : { claim: options.claim }),
    log,
    onOutage: extendLeases,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const sweeper = new LeaseSweeper({
    sql,
    runtime,
    log,
    outageMs: options.clock?.outageMs ?? defaultClock.outageMs,
  });
  const pruner = new RequestPruner({ sql, log });
  const watch = new RemoteWatch({ sql, hub, runtime, log, lookMs: options.clock?.lookMs });
  const readiness = new ReadinessMonitor({
    sql,
    hub,
    runtime: () => runtime,
    serverTrouble: options.serverTrouble ?? (() => null),
  });

  const projects = new Projects({ orm, store: plan, hub });
  const served = new ServedReviews({ sql, plan, hub, runtime: () => runtime });
  const comments = new Comments({ sql, plan, hub, served, boundary: options.boundary });
  const changes = {
    comparisons: new ReviewComparisons({ sql, plan, hub, engine, served }),
    files: new ComparedFiles(hub),
    tasks: new ChangesByTask({ sql, hub, plan }),
  };

  const server = await createServer(
    {
      projects,
      plans: new Planning({ orm, store: plan, hub, runtime: () => runtime }),
      transitions: new Transitions({
        sql,
        plan,
        hub,
        runtime: () => runtime,
        exclusively: (name, work) => intents.exclusively(name, work),
        comments,
        boundary: options.boundary,
      }),
      reads: new Reads({ sql, plan, runtime: () => runtime }),
      comments,
      reviews: new Reviews({
        sql,
        served,
        files: new ReviewFiles(changes),
        diffs: new ReviewDiffs({ ...changes, hub }),
      }),
      explain: new Explain({ sql, plan, hub, runtime: () => runtime }),
      agents: new Agents({
        sql,
        plan,
        hub,
        engine,
        boundary: options.boundary,
        runtime: () => runtime,
        feed: () => runtime.feed,
        leaseSeconds: config.agentLeaseSeconds,
      }),
      tokens,
      hubAccess: new HubGrants({ sql, plan }),
      hub,
      feed: runtime.feed,
      actors: runtime,
      tickets: new InspectTickets(sql),
      machines: new MachineCatalog(machineDefinitions),
      readiness: () => readiness.read(),
    },
    {
      publicUrl: options.publicUrl,
      allowedHosts: config.allowedHosts,
      allowedOrigins: config.allowedOrigins,
      log: log.child({}, { level: config.logLevel }),
    },
  );

  return {
    server,
    runtime,
    async start() {
      const unused = await projects.removeUnusedClones();
      if (unused.length > 0) log.warn({ unused }, 'clones of projects that were never added were removed');
      await hub.prepare();
      await tokens.ensureAdminToken(dataFolder.adminTokenFile);
      await readiness.start();
      await runtime.start();
      sweeper.start();
      pruner.start();
      watch.start();
    },
    async stop() {
      await Promise.all([sweeper.stop(), pruner.stop(), watch.stop()]);
      await runtime.stop();
      await running.ended(BODY_END_MS);
      await readiness.stop();
    },
  };
}
