import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recallAnswer, withRequest } from '../../src/services/requests.ts';
import type { Caller } from '../../src/services/contracts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
const tokenId = '99999999-9999-4999-8999-999999999999';

function callerWith(key: string | null, body = 'a'): Caller {
  return {
    principal: { tokenId, name: 'test', scope: 'operator' },
    request: key === null ? null : { key, route: 'POST /v1/things', bodyHash: body.repeat(64) },
  };
}

async function rowCount(table: string): Promise<number> {
  const found = await database.sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return found.rows[0]?.count ?? -1;
}

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql.query('CREATE TABLE thing (name text)');
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.sql.query('TRUNCATE thing, answered_request');
});

function makeThing(caller: Caller, name: string) {
  return database.sql.transaction((sql) =>
    withRequest(sql, caller, async () => {
      await sql.query('INSERT INTO thing VALUES ($1)', [name]);
      return { name };
    }),
  );
}

describe('a POST that reaches no actor', () => {
  test('is done once per key and answered the same again', async () => {
    expect(await makeThing(callerWith('k1'), 'one')).toEqual({ answer: { name: 'one' }, repeated: false });
    expect(await makeThing(callerWith('k1'), 'two')).toEqual({ answer: { name: 'one' }, repeated: true });
    expect(await rowCount('thing')).toBe(1);
  });

  test('is done each time without a key', async () => {
    await makeThing(callerWith(null), 'one');
    await makeThing(callerWith(null), 'one');
    expect(await rowCount('thing')).toBe(2);
    expect(await rowCount('answered_request')).toBe(0);
  });

  test('is refused with key_reused when the key comes with another body', async () => {
    await makeThing(callerWith('k1'), 'one');
    await expect(makeThing(callerWith('k1', 'b'), 'two')).rejects.toMatchObject({ code: 'key_reused' });
    expect(await rowCount('thing')).toBe(1);
  });

  test('keeps neither key nor work when the work fails, so that the key can be used again', async () => {
    const failing = database.sql.transaction((sql) =>
      withRequest(sql, callerWith('k1'), async () => {
        await sql.query('INSERT INTO thing VALUES ($1)', ['half']);
        throw new Error('the work broke');
      }),
    );
    await expect(failing).rejects.toThrow('the work broke');
    expect(await rowCount('thing')).toBe(0);
    expect(await makeThing(callerWith('k1'), 'one')).toMatchObject({ repeated: false });
  });

  test('waits for a request with the same key that is under way and takes its answer', async () => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let begun = (): void => undefined;
    const working = new Promise<void>((resolve) => (begun = resolve));
    const first = database.sql.transaction((sql) =>
      withRequest(sql, callerWith('k1'), async () => {
        begun();
        await held;
        await sql.query('INSERT INTO thing VALUES ($1)', ['one']);
        return { name: 'one' };
      }),
    );
    await working;
    const second = makeThing(callerWith('k1'), 'two');
    await expect
      .poll(() =>
        database.sql.query(`SELECT FROM pg_locks WHERE NOT granted`).then((found) => found.rowCount),
      )
      .toBeGreaterThan(0);
    letGo();
    expect(await first).toEqual({ answer: { name: 'one' }, repeated: false });
    expect(await second).toEqual({ answer: { name: 'one' }, repeated: true });
    expect(await rowCount('thing')).toBe(1);
  });

  test('recalls its answer before long work begins, and nothing for a new key', async () => {
    expect(await recallAnswer(database.sql, callerWith('k1'))).toBeNull();
    await makeThing(callerWith('k1'), 'one');
    expect(await recallAnswer(database.sql, callerWith('k1'))).toEqual({
      answer: { name: 'one' },
      repeated: true,
    });
    await expect(recallAnswer(database.sql, callerWith('k1', 'b'))).rejects.toMatchObject({
      code: 'key_reused',
    });
  });

  test('stores only what may be kept of the answer', async () => {
    const issue = () =>
      database.sql.transaction((sql) =>
        withRequest<{ secret: string | null }>(
          sql,
          callerWith('k1'),
          async () => ({ secret: 'hush' }),
          () => ({ secret: null }),
        ),
      );
    expect(await issue()).toEqual({ answer: { secret: 'hush' }, repeated: false });
    expect(await issue()).toEqual({ answer: { secret: null }, repeated: true });
  });
});
