import type { FastifyInstance, InjectOptions } from 'fastify';
import pino from 'pino';
import { createServer } from '../../src/http/server.ts';
import type { ServerDeps, ServerOptions } from '../../src/http/deps.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import type { JournalFeed } from '../../src/services/contracts.ts';
import { InspectTickets } from '../../src/services/inspect-tickets.ts';
import { MachineCatalog } from '../../src/services/machine-catalog.ts';
import type { Scope } from '../../src/services/shapes/token.ts';
import { TokenService } from '../../src/services/tokens.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { sampleServices } from './sample-services.ts';

export interface ServerUnderTest {
  readonly app: FastifyInstance;
  readonly database: TestDatabase;
  readonly tokens: Record<Scope, string>;
  readonly services: ReturnType<typeof sampleServices>;
  /** What was logged so far, one JSON line each. */
  readonly log: string[];
  /** Injects with a token of this scope. */
  as(scope: Scope, request: InjectOptions): ReturnType<typeof inject>;
  close(): Promise<void>;
}

const SCOPES: readonly Scope[] = ['admin', 'operator', 'reviewer', 'agent', 'viewer'];

/** For tests of routes that have nothing to do with the feed. */
const silentFeed: JournalFeed = {
  read: async () => ({ entries: [], next: '' }),
  subscribe: () => () => undefined,
  lag: async () => ({ entries: 0, blockingPid: null, blockingDatabase: null, blockedForMs: null }),
};

function inject(app: FastifyInstance, token: string, request: InjectOptions) {
  return app.inject({
    ...request,
    headers: { host: 'localhost', authorization: `Bearer ${token}`, ...request.headers },
  });
}

/** The server over a real database, with a token of each scope. */
export async function startServerUnderTest(
  overrides: Partial<ServerDeps> = {},
  options: Partial<ServerOptions> = {},
  given?: TestDatabase,
): Promise<ServerUnderTest> {
  const database = given ?? (await createTestDatabase());
  const service = new TokenService(database.sql);
  const services = sampleServices();
  const log: string[] = [];
  const principal = {
    tokenId: '00000000-0000-4000-8000-000000000000',
    name: 'test',
    scope: 'admin' as const,
  };
  const issued = await Promise.all(
    SCOPES.map(async (scope) => {
      const { answer } = await service.issue({ name: scope, scope }, { principal, request: null });
      return [scope, answer.token ?? ''] as const;
    }),
  );
  const tokens = Object.fromEntries(issued) as Record<Scope, string>;
  const app = await createServer(
    {
      ...services,
      tokens: service,
      tickets: new InspectTickets(database.sql),
      machines: new MachineCatalog(machineDefinitions),
      feed: silentFeed,
      actors: { peekMany: async () => [], listByRoot: async () => [] },
      readiness: async () => ({ ready: true, checks: [], live: 0, toUpgrade: 0, quarantined: 0 }),
      ...overrides,
    },
    {
      publicUrl: () => 'http://127.0.0.1:4400',
      log: pino({ level: 'info' }, { write: (line: string) => void log.push(line) }),
      ...options,
    },
  );
  return {
    app,
    database,
    tokens,
    services,
    log,
    as: (scope, request) => inject(app, tokens[scope], request),
    close: async () => {
      await app.close();
      await database.close();
    },
  };
}
