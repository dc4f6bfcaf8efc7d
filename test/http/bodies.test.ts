import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseYaml } from '../../src/http/plugins/bodies.ts';
import { requireBounded } from '../../src/http/bounded-value.ts';
import { expectProblem } from './problem-of.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startServerUnderTest();
});
afterAll(async () => server.close());

const validate = (payload: string | Buffer, type = 'application/json') =>
  server.as('operator', {
    method: 'POST',
    url: '/v1/plans/validate',
    payload,
    headers: { 'content-type': type },
  });
const yaml = (payload: string | Buffer) => validate(payload, 'application/yaml');

describe('a body', () => {
  test('of 10 MB is refused with body_too_large, with and without a stated length', async () => {
    const big = `{"a":"${'x'.repeat(10_000_000)}"}`;
    expectProblem(await validate(big), 'body_too_large');
    expectProblem(await yaml(big), 'body_too_large');
    const address = await server.app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`${address}/v1/plans/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.tokens.operator}`, 'content-type': 'application/json' },
      body: new Blob([big]).stream(),
      duplex: 'half',
    });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      413,
      'body_too_large',
    ]);
  });

  test('just under the limit is read', async () => {
    expect((await validate(`{"a":"${'x'.repeat(1_000_000)}"}`)).statusCode).toBe(200);
  });

  test('that is not valid UTF-8 is refused with invalid_encoding, as JSON and as YAML', async () => {
    const bytes = Buffer.concat([Buffer.from('{"title": "'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    expectProblem(await validate(bytes), 'invalid_encoding');
    expectProblem(await yaml(bytes), 'invalid_encoding');
  });

  test('nested too deeply is refused, before anybody recurses into it', async () => {
    const problem = expectProblem(
      await validate(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      'invalid_request',
    );
    expect(problem.detail).toContain('nested deeper than 64');
  });

  test('with a member named __proto__ is refused', async () => {
    expectProblem(await validate('{"__proto__": {"admin": true}}'), 'invalid_request');
  });

  test('may be left out where every field has a default', async () => {
    const answer = await server.as('agent', {
      method: 'POST',
      url: '/v1/agents/44444444-4444-4444-8444-444444444444/claim',
    });
    expect(answer.statusCode).toBe(200);
  });
});

describe('a YAML plan', () => {
  test('reaches the service as the same value as its JSON', async () => {
    await yaml('key: goal\nphases:\n  - key: build\n    count: 3\n    draft: true\n    day: 2026-11-22\n');
    expect(server.services.plansSeen.at(-1)).toEqual({
      key: 'goal',
      phases: [{ key: 'build', count: 3, draft: true, day: '2026-11-22' }],
    });
  });

  test('may repeat a part by alias', () => {
    expect(parseYaml('a: &x {n: 1}\nb: *x\n')).toEqual({ a: { n: 1 }, b: { n: 1 } });
  });

  test('with an alias bomb is refused with invalid_yaml at once', async () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let level = 1; level < 10; level += 1)
      bomb.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(',')}]`,
      );
    const begun = performance.now();
    expectProblem(await yaml(bomb.join('\n')), 'invalid_yaml');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('that multiplies one long text by alias is refused', async () => {
    expectProblem(await yaml(`a: &a ${'x'.repeat(500_000)}\nb: [*a, *a, *a]\n`), 'invalid_request');
  });

  test.each([
    ['a duplicate key', 'a: 1\na: 2\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a tag of its own', 'a: !!js/function "x"\n'],
    ['a tab for indentation', 'a:\n\t- b\n'],
    ['an unknown alias', 'a: *nowhere\n'],
    ['nothing', ''],
  ])('with %s is refused with invalid_yaml', async (_what, text) => {
    const answer = await yaml(text);
    if (text === '') expectProblem(answer, 'invalid_yaml');
    else expect(expectProblem(answer, 'invalid_yaml').detail.length).toBeGreaterThan(10);
  });
});

test('a value with more members than a plan can need is refused', () => {
  expect(() =>
    requireBounded(
      Array.from({ length: 200_001 }, () => 0),
      1_000,
    ),
  ).toThrow(/200000 values/);
  expect(() =>
    requireBounded(
      Array.from({ length: 1_000 }, () => 0),
      1_000,
    ),
  ).not.toThrow();
});
