import { setTimeout as pause } from 'node:timers/promises';
import type { BoardEntry, BoardTree } from '../board/board-types.ts';
import type { PlanDocument } from './plan.ts';

export interface Named {
  readonly id: string;
  readonly key: string;
}

export interface Review {
  readonly round: number;
  readonly digest: string;
  readonly heads: Readonly<Record<string, string | null>>;
}

export interface Landing {
  readonly openedBy: string | null;
  readonly settledBy: string | null;
  readonly intents: readonly unknown[];
}

export interface Explanation {
  readonly key: string;
  readonly sentence: string;
}

export type Scope = 'operator' | 'reviewer' | 'agent' | 'viewer';

/** The service answered, and refused. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** How long a service may be away. */
const PATIENCE_MS = 60_000;
/** How long an answer may take. */
const ANSWER_MS = 15_000;

/** The service did not answer for all of `PATIENCE_MS`. */
export class AwayError extends Error {
  override readonly name = 'AwayError';
}

interface Asked {
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the demo asks of a service, under one token. A service that is away or starting is asked again, until the signal. */
export class Client {
  readonly #url: () => string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(url: () => string, token: string, signal: AbortSignal) {
    this.#url = url;
    this.#token = token;
    this.#signal = signal;
  }

  async addProject(key: string, remote: string, defaultBranch: string): Promise<void> {
    await this.#post('/v1/projects', { key, remote, defaultBranch }, `project-${key}`);
  }

  async applyPlan(plan: PlanDocument): Promise<Named> {
    const applied = await this.#post<{ initiative: Named }>('/v1/plans', plan, `plan-${plan.key}`);
    return applied.initiative;
  }

  async makeToken(name: string, scope: Scope): Promise<string> {
    const { token } = await this.#post<{ token: string | null }>('/v1/tokens', { name, scope }, null);
    if (token === null) throw new Error(`the token ${name} was not shown`);
    return token;
  }

  async tree(initiative: string): Promise<BoardTree> {
    return this.#get(`/v1/initiatives/${initiative}`);
  }

  /** The journal after a cursor; null is its beginning. */
  async journal(initiative: string, after: string | null): Promise<readonly BoardEntry[]> {
    const query = new URLSearchParams({ initiative, ...(after === null ? {} : { after }) });
    const page = await this.#get<{ entries: readonly BoardEntry[] }>(`/v1/journal?${query.toString()}`);
    return page.entries;
  }

  async review(kind: 'phases' | 'initiatives', id: string): Promise<Review> {
    return this.#get(`/v1/${kind}/${id}/review`);
  }

  /** Approves exactly the heads of the review that was read. */
  async approve(kind: 'phases' | 'initiatives', id: string, { heads, digest, round }: Review): Promise<void> {
    const type = kind === 'phases' ? 'phase.approve' : 'initiative.approve';
    await this.#post(`/v1/${kind}/${id}/events`, { type, heads }, `approve-${id}-${round}-${digest}`);
  }

  async landings(initiative: string): Promise<readonly Landing[]> {
    return (await this.#get<{ landings: readonly Landing[] }>(`/v1/initiatives/${initiative}/landings`))
      .landings;
  }

  async agents(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    return (await this.#get<{ agents: { id: string; name: string }[] }>('/v1/agents')).agents;
  }

  async explain(kind: 'phases' | 'tasks' | 'initiatives', id: string): Promise<Explanation> {
    return this.#get(`/v1/${kind}/${id}/explain`);
  }

  /** An address that opens the inspector's feed once, within a minute. */
  async inspectorAddress(initiative: string): Promise<string> {
    return (await this.#post<{ url: string }>('/v1/inspect/tickets', { initiative }, null)).url;
  }

  async isReady(): Promise<boolean> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(`${this.#url()}/readyz`, { signal }).catch(() => null);
    return response?.ok ?? false;
  }

  #get<T>(path: string): Promise<T> {
    return this.#ask(path, { method: 'GET' });
  }

  /** The key makes it one request however often it is sent. */
  #post<T>(path: string, body: object, key: string | null): Promise<T> {
    return this.#ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(key === null ? {} : { 'idempotency-key': key }) },
    });
  }

  async #ask<T>(path: string, init: Asked): Promise<T> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#once<T>(path, init);
      if (answer !== null) return answer.body;
      if (Date.now() > until) throw new AwayError(`the service did not answer ${init.method} ${path}`);
      await pause(200, undefined, { signal: this.#signal });
    }
  }

  async #once<T>(path: string, init: Asked): Promise<{ body: T } | null> {
    const headers = { ...init.headers, authorization: `Bearer ${this.#token}` };
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      const response = await fetch(this.#url() + path, { ...init, headers, signal });
      const text = await response.text();
      if (response.status === 503) return null;
      if (response.ok) return { body: JSON.parse(text) as T };
      const problem = problemOf(text);
      throw new RefusedError(response.status, problem.code, `${init.method} ${path}: ${problem.detail}`);
    } catch (error) {
      // fetch says `TypeError` for a connection that was refused or cut, and `TimeoutError` for an answer that did not come.
      if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError'))
        return null;
      throw error;
    }
  }
}

function problemOf(text: string): { code: string; detail: string } {
  try {
    const { code, detail, title } = JSON.parse(text) as { code?: string; detail?: string; title?: string };
    return { code: code ?? 'unknown', detail: `${code ?? ''} ${detail ?? title ?? text}` };
  } catch {
    return { code: 'unknown', detail: text.slice(0, 500) };
  }
}
