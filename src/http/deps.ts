import type { Logger } from 'pino';
import type {
  ActorSource,
  AgentService,
  CommentService,
  ExplainService,
  HubAccess,
  HubServer,
  JournalFeed,
  PlanService,
  ProjectService,
  ReadService,
  ReviewService,
  Readiness,
  TransitionService,
} from '../services/contracts.ts';
import type { InspectTickets } from '../services/inspect-tickets.ts';
import type { MachineCatalog } from '../services/machine-catalog.ts';
import type { TokenService } from '../services/tokens.ts';

/** Everything the routes call. */
export interface ServerDeps {
  readonly projects: ProjectService;
  readonly plans: PlanService;
  readonly transitions: TransitionService;
  readonly reads: ReadService;
  readonly reviews: ReviewService;
  readonly comments: CommentService;
  readonly explain: ExplainService;
  readonly agents: AgentService;
  readonly tokens: TokenService;
  readonly hubAccess: HubAccess;
  readonly hub: HubServer;
  readonly feed: JournalFeed;
  readonly actors: ActorSource;
  readonly tickets: InspectTickets;
  readonly machines: MachineCatalog;
  readonly readiness: () => Promise<Readiness>;
}

export interface ServerOptions {
  /** Host names (no ports) this service answers for. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly bodyLimitBytes: number;
  /** Where clients reach this service, e.g. `http://127.0.0.1:4400`; asked at each claim, because a free port is known after listening. */
  readonly publicUrl: () => string;
  /** Requests are logged through it, without what does not belong in a log. Null: not at all. */
  readonly log: Logger | null;
  /** Open streams (SSE and inspector together). */
  readonly maxStreams: number;
  /** Claims that wait for a task at once. */
  readonly maxWaits: number;
  /** How often a silent stream says that it is alive; shorter than the usual proxy's minute. */
  readonly keepAliveMs: number;
}

export const DEFAULT_OPTIONS = {
  allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
  allowedOrigins: [],
  bodyLimitBytes: 1_048_576,
  log: null,
  maxStreams: 256,
  maxWaits: 1_024,
  keepAliveMs: 15_000,
} as const satisfies Omit<ServerOptions, 'publicUrl'>;
