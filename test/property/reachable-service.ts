import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { REFUSALS } from '../../src/errors.ts';
import { type BoundaryPoint } from '../../src/git/boundary.ts';
import type { Problem } from '../../src/http/problem.ts';
import { type Scope, scopeSchema } from '../../src/services/shapes/token.ts';
import type { ServiceChild } from '../crash/service-child.ts';
import type { World } from '../crash/world.ts';
import { type ApiDocument, expectDeclared } from '../support/declared-codes.ts';
import { BrokenInvariant, type History } from './history.ts';

/** An answer that is no refusal, or the problem. */
export type Answer<T> =
  | { readonly ok: true; readonly status: number; readonly body: T }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly problem: Problem };

export interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** A repetition of an earlier request. */
  readonly key?: string;
}

/** Of virtual time, which is moved on by more than that now and then. */
const LEASE_SECONDS = 45;
/** How long a request may find nobody. */
const PATIENCE_MS = 60_000;

/**
 * A service process that is killed and started again, and clients that send again what was not answered, under the same key: for them
 * an outage is a delay.
 */
export class ReachableService {
  readonly world: World;
  readonly #history: History;
  readonly #tokens = new Map<string, string>();
  #reference: ApiDocument | null = null;
  #running: Promise<ServiceChild>;
  /** Why the process may end. */
  #ending: string | null = null;
  #failure: Error | null = null;
  #isOver = false;

  constructor(world: World, history: History) {
    this.world = world;
    this.#history = history;
    this.#running = this.#start();
  }

  async prepare(agents: readonly string[]): Promise<void> {
    const service = await this.#running;
    this.#tokens.set('admin', service.adminToken);
    const wanted = [
      ...scopeSchema.exclude(['admin', 'agent']).options.map((scope) => ({ name: scope, scope })),
      { name: 'reviewer-2', scope: 'reviewer' as Scope },
      ...agents.map((name) => ({ name, scope: 'agent' as Scope })),
    ];
    for (const token of wanted) {
      const answer = await this.must<{ token: string }>('admin', {
        method: 'POST',
        path: '/v1/tokens',
        body: token,
      });
      this.#tokens.set(token.name, answer.token);
    }
    this.#reference = await this.must<ApiDocument>('viewer', { method: 'GET', path: '/v1/openapi.json' });
  }

  /** Where it is now: another port after each start. */
  async origin(): Promise<string> {
    return (await this.#alive()).url;
  }

  /** Throws on a refusal that no client may ever see: without a known code, not declared for its route, or a fault of the service. */
  async send<T>(who: string, { method, path, body, key = randomUUID() }: Sent): Promise<Answer<T>> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const service = await this.#alive();
      const response = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#tokens.get(who) ?? ''}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(method === 'POST' ? { 'idempotency-key': key } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
        .then(async (found) => ({ status: found.status, text: await found.text() }))
        .catch(() => null);
      if (response !== null && response.status !== 503) return this.#judged<T>(method, path, response);
      this.#history.count(response === null ? 'answer: none, sent again' : 'answer: 503, sent again');
      if (Date.now() > end) throw new BrokenInvariant(`${method} ${path} was never answered`);
      await pause(50);
    }
  }

  /** The answer to what can not be refused. */
  async must<T>(who: string, sent: Sent): Promise<T> {
    const answer = await this.send<T>(who, sent);
    if (!answer.ok)
      throw new BrokenInvariant(`${sent.method} ${sent.path}: ${answer.code}: ${answer.problem.detail}`);
    return answer.body;
  }

  /** SIGKILL now; it is started again at once. */
  async kill(): Promise<void> {
    const service = await this.#alive();
    this.#ending = 'killed';
    await service.stop();
  }

  /** SIGKILL when a landing, delivery or claim passes the point the next time. */
  async killAt(point: BoundaryPoint): Promise<void> {
    const service = await this.#alive();
    service.killAt({
      point,
      meanwhile: () => {
        this.#ending = `killed at ${point}`;
        return Promise.resolve();
      },
    });
  }

  /** SIGTERM; it is started again when it has ended. */
  async restart(): Promise<void> {
    const service = await this.#alive();
    this.#ending = 'asked to end';
    await service.close();
  }

  /** No more starts, and no more kills. */
  async settle(): Promise<void> {
    (await this.#alive()).killAt(null);
    await this.#alive();
  }

  end(): void {
    this.#isOver = true;
  }

  async #alive(): Promise<ServiceChild> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isOver) throw new Error('the run is over');
    return this.#running;
  }

  async #start(): Promise<ServiceChild> {
    const service = await this.world.start({ agentLeaseSeconds: LEASE_SECONDS });
    void service.ended.then((signal) => {
      if (this.#isOver) return;
      const why = this.#ending;
      this.#ending = null;
      if (why === null) {
        this.#failure = new BrokenInvariant(`the service ended by ${signal ?? 'itself'}`);
        return;
      }
      this.#history.count(`service: ${why.split(' at ', 1)[0]}`);
      this.#history.note(`the service was ${why}`);
      this.#running = this.#start();
      this.#running.catch((error: unknown) => {
        this.#failure ??= new BrokenInvariant(`the service does not start again: ${String(error)}`);
      });
    });
    return service;
  }

  #judged<T>(method: string, path: string, { status, text }: { status: number; text: string }): Answer<T> {
    if (status < 400) return { ok: true, status, body: (text === '' ? null : JSON.parse(text)) as T };
    const problem = JSON.parse(text) as Problem;
    const said = `${method} ${path}: ${status} ${text}`;
    if (status >= 500) throw new BrokenInvariant(`a fault of the service: ${said}`);
    if (!Object.hasOwn(REFUSALS, problem.code)) throw new BrokenInvariant(`an unknown code: ${said}`);
    if (this.#reference !== null) expectDeclared(this.#reference, method, path, problem.code);
    this.#history.count(`refused: ${problem.code}`);
    return { ok: false, status, code: problem.code, problem };
  }
}
