import { setTimeout as pause } from 'node:timers/promises';

/** The service answered, and refused. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(method: string, path: string, status: number, text: string) {
    const { code, detail, details } = problemOf(text);
    super(`${method} ${path}: ${code} ${detail}`);
    this.status = status;
    this.code = code;
    this.details = details;
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

/** Requests to a service under one token. A service that is away or starting is asked again, until the signal. */
export class Requests {
  readonly #url: () => string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(url: () => string, token: string, signal: AbortSignal) {
    this.#url = url;
    this.#token = token;
    this.#signal = signal;
  }

  /** Throws `RefusedError` and `AwayError`. */
  get<T>(path: string, query: Readonly<Record<string, string | null>> = {}): Promise<T> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== null);
    const search = new URLSearchParams(given).toString();
    return this.#ask(search === '' ? path : `${path}?${search}`, { method: 'GET' });
  }

  /** The key makes it one request however often it is sent. Throws `RefusedError` and `AwayError`. */
  post<T>(path: string, body: object, key: string | null): Promise<T> {
    return this.#ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(key === null ? {} : { 'idempotency-key': key }) },
    });
  }

  async isReady(): Promise<boolean> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(`${this.#url()}/readyz`, { signal }).catch(() => null);
    return response?.ok ?? false;
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
      throw new RefusedError(init.method, path, response.status, text);
    } catch (error) {
      // fetch says `TypeError` for a connection that was refused or cut, and `TimeoutError` for an answer that did not come.
      if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError'))
        return null;
      throw error;
    }
  }
}

interface ProblemText {
  readonly code: string;
  readonly detail: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function problemOf(text: string): ProblemText {
  try {
    const problem = JSON.parse(text) as Partial<ProblemText> & { title?: string };
    return {
      code: problem.code ?? 'unknown',
      detail: problem.detail ?? problem.title ?? text,
      details: problem.details ?? {},
    };
  } catch {
    return { code: 'unknown', detail: text.slice(0, 500), details: {} };
  }
}
