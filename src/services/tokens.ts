import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Sql, SqlPool } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import { readTokenFile, writeTokenFile } from './admin-token-file.ts';
import type { Answered, Caller } from './contracts.ts';
import { withRequest } from './requests.ts';
import type { IssuedToken, NewToken, Principal, Scope, TokenView } from './shapes/token.ts';

/** `sbx_` lets secret scanners find a token that was committed by mistake. */
const TOKEN = /^sbx_[A-Za-z0-9_-]{43}$/;
/** One lock for everything that decides whether an admin token exists; the number is arbitrary but never changes. */
const ADMIN_LOCK = 7_265_101;

export function newTokenSecret(): string {
  return `sbx_${randomBytes(32).toString('base64url')}`;
}

export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

const COLUMNS = 'id, name, scope, created_at, last_used_at';

function toView(row: TokenRow): TokenView {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}

/** Issues, checks and revokes bearer tokens. Only their SHA-256 is stored: 256 random bits need no salt and no slow hash. */
export class TokenService {
  readonly #sql: SqlPool;

  constructor(sql: SqlPool) {
    this.#sql = sql;
  }

  /** Who the token stands for, or null. Asks the database each time, so that a revoked token is over at once on every replica. */
  async authenticate(secret: string): Promise<Principal | null> {
    if (!TOKEN.test(secret)) return null;
    const hash = hashSecret(secret);
    const found = await this.#sql.query<TokenRow & { hash: Buffer; rarely_seen: boolean }>(
      `SELECT ${COLUMNS}, hash,
              last_used_at IS NULL OR last_used_at < db_now() - interval '1 minute' AS rarely_seen
         FROM access_token WHERE hash = $1 AND revoked_at IS NULL`,
      [hash],
      'token-authenticate',
    );
    const row = found.rows[0];
    if (row === undefined || !timingSafeEqual(row.hash, hash)) return null;
    // At most one write a minute per token: the column is for people who look for tokens nobody uses.
    if (row.rarely_seen) {
      await this.#sql.query('UPDATE access_token SET last_used_at = db_now() WHERE id = $1', [row.id]);
    }
    return { tokenId: row.id, name: row.name, scope: row.scope };
  }

  /** For what was opened with a token and outlives the request. */
  async isInForce(id: string): Promise<boolean> {
    const { rowCount } = await this.#sql.query(
      'SELECT FROM access_token WHERE id = $1 AND revoked_at IS NULL',
      [id],
    );
    return rowCount > 0;
  }

  /** The secret is in this answer only; a repeated request is answered without it. */
  async issue(wanted: NewToken, caller: Caller): Promise<Answered<IssuedToken>> {
    return this.#sql.transaction((sql) =>
      withRequest<IssuedToken>(
        sql,
        caller,
        async () => {
          const secret = newTokenSecret();
          return { ...(await insertToken(sql, wanted, secret)), token: secret };
        },
        (answer) => ({ ...answer, token: null }),
      ),
    );
  }

  async list(): Promise<TokenView[]> {
    const found = await this.#sql.query<TokenRow>(
      `SELECT ${COLUMNS} FROM access_token WHERE revoked_at IS NULL ORDER BY created_at, id`,
    );
    return found.rows.map(toView);
  }

  /** Refuses with `unknown_token`, and with `last_admin_token` rather than lock everybody out. */
  async revoke(id: string): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1)', [ADMIN_LOCK]);
      const found = await sql.query<{ scope: Scope }>(
        'SELECT scope FROM access_token WHERE id = $1 AND revoked_at IS NULL',
        [id],
      );
      const scope = found.rows[0]?.scope;
      if (scope === undefined) throw new Refusal('unknown_token', `no token has the id ${id}`);
      if (scope === 'admin' && (await countAdmins(sql)) === 1) {
        throw new Refusal(
          'last_admin_token',
          'this is the last admin token; make another one before deleting it',
        );
      }
      await sql.query('UPDATE access_token SET revoked_at = db_now() WHERE id = $1', [id]);
    });
  }

  /**
   * Makes the first admin token and writes it to `file` (0600). The file comes first: a crash between the two leaves a file whose
   * token is taken over at the next start, never a token that nobody knows. Says whether a token was made.
   */
  async ensureAdminToken(file: string): Promise<boolean> {
    return this.#sql.transaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1)', [ADMIN_LOCK]);
      if ((await countAdmins(sql)) > 0) return false;
      const left = await readTokenFile(file);
      const secret = left !== null && TOKEN.test(left) ? left : newTokenSecret();
      await writeTokenFile(file, secret);
      await insertToken(sql, { name: 'first admin', scope: 'admin' }, secret);
      return true;
    });
  }
}

async function countAdmins(sql: Sql): Promise<number> {
  const found = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM access_token WHERE scope = 'admin' AND revoked_at IS NULL`,
  );
  return found.rows[0]?.count ?? 0;
}

async function insertToken(sql: Sql, wanted: NewToken, secret: string): Promise<TokenView> {
  const made = await sql.query<TokenRow>(
    `INSERT INTO access_token (id, name, scope, hash) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
    [randomUUID(), wanted.name, wanted.scope, hashSecret(secret)],
  );
  const row = made.rows[0];
  if (row === undefined) throw new Error('the new token was not returned');
  return toView(row);
}
