import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TokenService } from '../../src/services/tokens.ts';
import { createTestDatabase } from '../support/database.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly hash: Buffer;
  readonly revoked_at: Date | null;
}

describe('the token routes', () => {
  let server: ServerUnderTest;
  beforeAll(async () => {
    server = await startServerUnderTest();
  });
  afterAll(async () => server.close());

  const rowsOf = async (name: string): Promise<StoredToken[]> =>
    (await server.database.sql.query<StoredToken>('SELECT * FROM access_token WHERE name = $1', [name])).rows;
  const issue = (name: string, scope: string, headers: Record<string, string> = {}) =>
    server.as('admin', { method: 'POST', url: '/v1/tokens', payload: { name, scope }, headers });

  test('show a new token once and store its SHA-256 alone', async () => {
    const answer = await issue('ci', 'viewer');
    expect(answer.statusCode).toBe(201);
    const { token, id } = answer.json<{ token: string; id: string }>();
    expect(token).toMatch(/^sbx_[A-Za-z0-9_-]{43}$/);
    const [row] = await rowsOf('ci');
    expect(row?.id).toBe(id);
    expect(row?.hash.equals(createHash('sha256').update(token).digest())).toBe(true);
    const everything = await server.database.sql.query<{ row: string }>(
      'SELECT t::text AS row FROM access_token t',
    );
    expect(everything.rows.some(({ row: text }) => text.includes(token.slice(4)))).toBe(false);
  });

  test('answer a repeated request with the same token row and without the secret', async () => {
    const headers = { 'idempotency-key': 'token-1' };
    const first = await issue('twice', 'viewer', headers);
    const second = await issue('twice', 'viewer', headers);
    expect(first.headers['idempotency-replayed']).toBe('false');
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.json()).toEqual({ ...first.json<object>(), token: null });
    expect(await rowsOf('twice')).toHaveLength(1);
  });

  test('refuse the same key with another body with 422 key_reused', async () => {
    const headers = { 'idempotency-key': 'token-2' };
    await issue('mine', 'viewer', headers);
    const other = await issue('mine', 'admin', headers);
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([422, 'key_reused']);
    expect(await rowsOf('mine')).toHaveLength(1);
  });

  test('list what is in force, without secrets', async () => {
    await issue('listed', 'reviewer');
    const answer = await server.as('admin', { url: '/v1/tokens' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).not.toMatch(/sbx_|hash/);
    const names = answer.json<{ tokens: { name: string }[] }>().tokens.map(({ name }) => name);
    expect(names).toContain('listed');
  });

  test('end a token at once when it is deleted', async () => {
    const { token, id } = (await issue('short', 'viewer')).json<{ token: string; id: string }>();
    const read = () =>
      server.app.inject({
        url: '/v1/initiatives',
        headers: { host: 'localhost', authorization: `Bearer ${token}` },
      });
    expect((await read()).statusCode).toBe(200);
    const gone = await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${id}` });
    expect([gone.statusCode, gone.body]).toEqual([204, '']);
    const refused = await read();
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([401, 'unauthenticated']);
    expect((await rowsOf('short'))[0]?.revoked_at).toBeInstanceOf(Date);
  });

  test('refuse an unknown id with 404 unknown_token, a second deletion included', async () => {
    const { id } = (await issue('once', 'viewer')).json<{ id: string }>();
    await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${id}` });
    for (const unknown of [id, randomUUID()]) {
      const answer = await server.as('admin', { method: 'DELETE', url: `/v1/tokens/${unknown}` });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([404, 'unknown_token']);
    }
  });

  test('notice use at most once a minute', async () => {
    const seen = async () =>
      (await server.as('admin', { url: '/v1/tokens' }))
        .json<{ tokens: { scope: string; lastUsedAt: string | null }[] }>()
        .tokens.find(({ scope }) => scope === 'admin')?.lastUsedAt;
    const first = await seen();
    expect(first).not.toBeNull();
    expect(await seen()).toBe(first);
  });
});

describe('the first admin token', () => {
  async function withFolder(work: (file: string, tokens: TokenService) => Promise<void>): Promise<void> {
    const database = await createTestDatabase();
    const folder = await mkdtemp(path.join(tmpdir(), 'signalbox-token-'));
    try {
      await work(path.join(folder, 'admin-token'), new TokenService(database.sql));
    } finally {
      await database.close();
      await rm(folder, { recursive: true });
    }
  }

  test('is written to a file that only its owner reads, and works', () =>
    withFolder(async (file, tokens) => {
      expect(await tokens.ensureAdminToken(file)).toBe(true);
      const secret = (await readFile(file, 'utf8')).trim();
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await tokens.authenticate(secret)).toMatchObject({ scope: 'admin' });
    }));

  test('is made once, also when several processes start together', () =>
    withFolder(async (file, tokens) => {
      const made = await Promise.all(Array.from({ length: 4 }, () => tokens.ensureAdminToken(file)));
      expect(made.filter(Boolean)).toHaveLength(1);
      const admins = (await tokens.list()).filter(({ scope }) => scope === 'admin');
      expect(admins).toHaveLength(1);
      expect(await tokens.authenticate((await readFile(file, 'utf8')).trim())).not.toBeNull();
    }));

  test('is taken over from the file that a crash left before the row was written', () =>
    withFolder(async (file, tokens) => {
      const left = `sbx_${'A'.repeat(43)}`;
      await writeFile(file, `${left}\n`, { mode: 0o644 });
      expect(await tokens.ensureAdminToken(file)).toBe(true);
      expect((await readFile(file, 'utf8')).trim()).toBe(left);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await tokens.authenticate(left)).toMatchObject({ scope: 'admin' });
    }));

  test('can not be deleted while it is the last', () =>
    withFolder(async (file, tokens) => {
      await tokens.ensureAdminToken(file);
      const [only] = await tokens.list();
      await expect(tokens.revoke(only?.id ?? '')).rejects.toMatchObject({ code: 'last_admin_token' });
      expect(await tokens.list()).toHaveLength(1);
    }));
});
