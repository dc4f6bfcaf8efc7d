import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { expect, onTestFinished } from 'vitest';
import { type App, type AppOptions, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { openDataFolder } from '../../src/db/data-folder.ts';
import type { Problem } from '../../src/http/problem.ts';
import { type Scope, scopeSchema } from '../../src/services/shapes/token.ts';
import { TokenService } from '../../src/services/tokens.ts';
import { type ApiDocument, expectDeclared } from './declared-codes.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { Gates } from './gates.ts';

/** Leases of agents in tests; nobody waits for their end, `passTime` moves the clock. */
export const LEASE_SECONDS = 120;

/** Retries come quickly, a shifted clock is not taken for an outage of ours, and no remote is fetched on the quiet. */
const CLOCK: AppOptions['clock'] = {
  retryBaseMs: 20,
  retryCapMs: 200,
  outageMs: 24 * 3_600_000,
  lookMs: 24 * 3_600_000,
};

export interface CallOptions {
  /** Makes a repetition recognizable. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Method = 'GET' | 'POST' | 'DELETE';

export interface TestServiceOptions {
  readonly clock?: AppOptions['clock'];
  /** Variables of the configuration, as `readConfig` takes them. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The same of every service: it costs as much as a dozen requests. */
let reference: ApiDocument | null = null;

/** The whole service in this process: a real database, a real hub, a real port. Closed when the test ends. */
export class TestService {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly gates = new Gates();
  readonly log: string[] = [];
  readonly #options: TestServiceOptions;
  readonly #tokens: Record<string, string>;
  #app: App | null = null;
  #url = '';

  constructor(parts: {
    database: TestDatabase;
    folder: string;
    tokens: Record<Scope, string>;
    options: TestServiceOptions;
  }) {
    this.database = parts.database;
    this.folder = parts.folder;
    this.#tokens = parts.tokens;
    this.#options = parts.options;
  }

  get url(): string {
    return this.#url;
  }

  get dataFolder(): string {
    return path.join(this.folder, 'data');
  }

  get hubFolder(): string {
    return path.join(this.dataFolder, 'hub');
  }

  /** The bare clone of a project. */
  async hubOf(project: string): Promise<string> {
    const { rows } = await this.database.sql.query<{ id: string }>('SELECT id FROM project WHERE key = $1', [
      project,
    ]);
    return path.join(this.hubFolder, `${rows[0]?.id ?? ''}.git`);
  }

  async start(): Promise<void> {
    const { env = {}, clock = {} } = this.#options;
    const config = readConfig({
      SIGNALBOX_LOG_LEVEL: 'silent',
      SIGNALBOX_AGENT_LEASE_SECONDS: String(LEASE_SECONDS),
      ...env,
    });
    const app = await createApp({
      config,
      database: { ...this.database, migrate: async () => undefined },
      dataFolder: await openDataFolder(this.dataFolder),
      boundary: this.gates.boundary,
      log: pino({ level: 'info' }, { write: (line: string) => void this.log.push(line) }),
      publicUrl: () => this.#url,
      clock: { ...CLOCK, ...clock },
    });
    await app.start();
    this.#tokens['admin'] = (await readFile(path.join(this.dataFolder, 'admin-token'), 'utf8')).trim();
    this.#url = await app.server.listen({ host: '127.0.0.1', port: 0 });
    this.#app = app;
  }

  /** From now on a process of its own is asked, over the same database and data folder. */
  askAt(url: string): void {
    if (this.#app !== null) throw new Error('stop the service of this process first');
    this.#url = url;
  }

  /** Ends in order, as at SIGTERM. */
  async stop(): Promise<void> {
    this.gates.openAll();
    await this.#app?.server.close();
    await this.#app?.stop();
    this.#app = null;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Settles with the next commit of the service, or after a while. */
  async news(): Promise<void> {
    const feed = this.#app?.runtime.feed;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        unsubscribe?.();
        resolve();
      };
      const timer = setTimeout(done, feed === undefined ? 100 : 500);
      const unsubscribe = feed?.subscribe(done);
    });
  }

  token(scope: Scope): string {
    return this.#tokens[scope] ?? '';
  }

  /** The database's clock goes forward; leases and timers follow it. */
  async passTime(seconds: number): Promise<void> {
    await this.database.sql.query(
      `CREATE OR REPLACE FUNCTION db_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
       AS 'SELECT statement_timestamp() + interval ''${Math.round(seconds)} seconds'''`,
    );
  }

  /** `who` is a scope or a token. */
  async call(
    who: string,
    method: Method,
    address: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<Response> {
    const scope = scopeSchema.safeParse(who);
    return fetch(`${this.#url}${address}`, {
      method,
      headers: {
        authorization: `Bearer ${scope.success ? this.token(scope.data) : who}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async get<T>(address: string, who: string = 'viewer'): Promise<T> {
    return answerOf<T>(await this.call(who, 'GET', address), address);
  }

  async post<T>(who: string, address: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return answerOf<T>(await this.call(who, 'POST', address, body, options), address);
  }

  /** The refusal of a request that has to be refused; the reference names its code for the route. */
  async refusal(
    who: string,
    method: Method,
    address: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<Problem> {
    const answer = await this.call(who, method, address, body, options);
    const text = await answer.text();
    expect(answer.ok, `${address} was not refused: ${answer.status} ${text}`).toBe(false);
    const problem = JSON.parse(text) as Problem;
    reference ??= await this.get<ApiDocument>('/v1/openapi.json');
    expectDeclared(reference, method, address, problem.code);
    return problem;
  }
}

async function answerOf<T>(answer: Response, address: string): Promise<T> {
  const text = await answer.text();
  expect(answer.ok, `${address} was refused: ${answer.status} ${text}`).toBe(true);
  return (text === '' ? null : JSON.parse(text)) as T;
}

/** A service of its own for one test, with a token of each scope. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'signalbox-service-'));
  // Each session costs the server as much as some thirty statements.
  const database = await createTestDatabase({ poolSize: 4 });
  const tokens = await issueTokens(new TokenService(database.sql));
  const service = new TestService({ database, folder, tokens, options });
  onTestFinished(() => service.close());
  await service.start();
  return service;
}

/** The admin's is made by the service itself, at its first start. */
async function issueTokens(tokens: TokenService): Promise<Record<string, string>> {
  const principal = {
    tokenId: '00000000-0000-4000-8000-000000000000',
    name: 'test',
    scope: 'admin' as const,
  };
  const issued = await Promise.all(
    scopeSchema.exclude(['admin']).options.map(async (scope) => {
      const { answer } = await tokens.issue({ name: scope, scope }, { principal, request: null });
      return [scope, answer.token ?? ''] as const;
    }),
  );
  return Object.fromEntries(issued);
}
