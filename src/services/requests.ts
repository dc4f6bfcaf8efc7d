import type { Sql } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import type { Answered, Caller, RequestKey } from './contracts.ts';

interface AnsweredRow {
  readonly route: string;
  readonly body_hash: string;
  readonly answer: unknown;
}

/** What may be stored as an answer: anything that survives JSON unchanged. */
type Answer = Readonly<Record<string, unknown>>;

function refuseAnotherRequest(row: AnsweredRow, request: RequestKey): void {
  if (row.route === request.route && row.body_hash === request.bodyHash) return;
  throw new Refusal(
    'key_reused',
    `Idempotency-Key "${request.key}" was used before with another ${row.route === request.route ? 'body' : 'route'}; use a new key for a new request`,
  );
}

/**
 * The stored answer of an earlier request with this key, or null. For work that is long before its transaction begins (probing a
 * remote): ask first, then do the work, then `withRequest`. Refuses with `key_reused`.
 */
export async function recallAnswer<T extends Answer>(sql: Sql, caller: Caller): Promise<Answered<T> | null> {
  const { principal, request } = caller;
  if (request === null) return null;
  const found = await sql.query<AnsweredRow>(
    'SELECT route, body_hash, answer FROM answered_request WHERE token_id = $1 AND key = $2',
    [principal.tokenId, request.key],
  );
  const row = found.rows[0];
  if (row === undefined) return null;
  refuseAnotherRequest(row, request);
  return { answer: row.answer as T, repeated: true };
}

/**
 * Does `work` once per key, in the caller's own transaction: key, body hash and answer commit with what the work wrote, so that a
 * repeated request after a crash either finds both or neither. A second request with the same key waits for the first one's
 * transaction and is then answered with the same answer. Without a key the work is simply done.
 * `keep` cuts what must not be stored (a secret that is shown once). Refuses with `key_reused`.
 */
export async function withRequest<T extends Answer>(
  sql: Sql,
  caller: Caller,
  work: () => Promise<T>,
  keep: (answer: T) => T = (answer) => answer,
): Promise<Answered<T>> {
  const { principal, request } = caller;
  if (request === null) return { answer: await work(), repeated: false };
  const reserved = await sql.query(
    `INSERT INTO answered_request (token_id, key, route, body_hash) VALUES ($1, $2, $3, $4)
     ON CONFLICT (token_id, key) DO NOTHING`,
    [principal.tokenId, request.key, request.route, request.bodyHash],
  );
  if (reserved.rowCount === 0) {
    const earlier = await recallAnswer<T>(sql, caller);
    if (earlier === null) throw new Error(`the request with key ${request.key} vanished while it was read`);
    return earlier;
  }
  const answer = await work();
  await sql.query('UPDATE answered_request SET answer = $3 WHERE token_id = $1 AND key = $2', [
    principal.tokenId,
    request.key,
    JSON.stringify(keep(answer)),
  ]);
  return { answer, repeated: false };
}

/**
 * For a POST that reaches an actor, whose journal keeps the answer: remembers what the key was sent with before the event is
 * posted. Refuses with `key_reused` when it comes again with something else. A kill in between costs nothing: the same request
 * is let through again, and the actor knows the event or takes it.
 */
export async function holdKey(sql: Sql, caller: Caller): Promise<void> {
  const { principal, request } = caller;
  if (request === null) return;
  const held = await sql.query(
    `INSERT INTO answered_request (token_id, key, route, body_hash) VALUES ($1, $2, $3, $4)
     ON CONFLICT (token_id, key) DO NOTHING`,
    [principal.tokenId, request.key, request.route, request.bodyHash],
  );
  if (held.rowCount === 0) await recallAnswer(sql, caller);
}
