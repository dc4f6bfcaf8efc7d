import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sampleConflict } from '../support/conflict.ts';
import { claimLines, escapeLine } from '../../src/http/claim-lines.ts';
import type { ServerOptions } from '../../src/http/deps.ts';
import { expectProblem } from './problem-of.ts';
import { AGENT, claim, LEASE, SHA, TASK } from './sample-services.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

describe('a claim as lines', () => {
  const lines = claimLines(claim).trimEnd().split('\n');

  test('has the fixed names in their order, then what repeats', () => {
    expect(lines.map((line) => line.slice(0, line.indexOf('=')))).toEqual([
      'TASK_ID',
      'TASK_KEY',
      'PHASE_KEY',
      'INITIATIVE_KEY',
      'TASK_TITLE',
      'TASK_DESCRIPTION',
      'CATEGORY',
      'ATTEMPT',
      'MAX_ATTEMPTS',
      'LEASE_ID',
      'LEASE_SECONDS',
      'HEARTBEAT_SECONDS',
      'GIT_USERNAME',
      'GIT_PASSWORD',
      'BRANCH',
      'NEXT',
      'PROJECT',
      'PROJECT',
      'MERGE',
      'COMMENT_ID',
      'COMMENT',
      'COMMENT_SIDE',
    ]);
  });

  test('names each project with address, base and start, and what a merge task merges', () => {
    expect(lines).toContain(`PROJECT=api http://127.0.0.1/git/api.git ${SHA} refs/heads/start`);
    expect(lines).toContain(`MERGE=api ${'b'.repeat(40)}`);
    expect(lines).toContain('COMMENT=api src/a.ts:12 not so');
  });

  test('says after each comment whether its lines are those before the change', () => {
    const [comment] = claim.comments;
    if (comment === undefined) throw new Error('the sample has no comment');
    const both = claimLines({ ...claim, comments: [{ ...comment, side: 'old' }, comment] });
    expect(both.split('\n').filter((line) => /^COMMENT(_SIDE)?=/.test(line))).toEqual([
      'COMMENT=api src/a.ts:12 not so',
      'COMMENT_SIDE=old',
      'COMMENT=api src/a.ts:12 not so',
      'COMMENT_SIDE=new',
    ]);
  });

  test('has what the JSON form has of limits, of next steps and of the conflict to resolve', () => {
    expect(lines).toEqual(expect.arrayContaining(['MAX_ATTEMPTS=5', 'NEXT=task.submit']));
    const conflict = sampleConflict([
      { project: 'api', path: 'src/a b.ts', type: 'CONFLICT (modify/delete)' },
      { project: 'web', path: 'x\nGIT_PASSWORD=y', type: 'CONFLICT' },
    ]);
    expect(
      claimLines({ ...claim, conflict })
        .trimEnd()
        .split('\n')
        .slice(lines.length),
    ).toEqual([
      'CONFLICT_OF=phase ',
      'CONFLICT=api modify/delete src/a b.ts',
      `INTENT=api theirs ${'b'.repeat(40)} why src/a b.ts`,
      'CONFLICT=web CONFLICT x\\nGIT_PASSWORD=y',
      `INTENT=web theirs ${'b'.repeat(40)} why x\\nGIT_PASSWORD=y`,
    ]);
  });

  test('has no name that the reference does not give', async () => {
    const server = await startServerUnderTest();
    await server.app.ready();
    const { description = '' } = server.app.swagger().paths?.['/v1/agents/{id}/claim']?.post ?? {};
    await server.close();
    const names = lines.map((line) => line.slice(0, line.indexOf('=')));
    for (const name of [...names, 'CONFLICT', 'CONFLICT_OF', 'INTENT', 'LATE'])
      expect(description).toMatch(new RegExp(`\\b${name}\\b`));
    expect(description).toContain('never `eval` or source them');
  });

  test('keeps line breaks and backslashes of a value on its line', () => {
    expect(lines).toContain('TASK_DESCRIPTION=one\\ntwo \\\\ three');
    expect(escapeLine('a\r\nb\u2028c\u0000d\te')).toBe('a\\r\\nb c d\te');
  });

  test('can not be broken by a title into a line of its own', () => {
    const sly = claimLines({ ...claim, task: { ...claim.task, title: 'x\nGIT_PASSWORD=y' } });
    expect(sly.split('\n').filter((line) => line.startsWith('GIT_PASSWORD='))).toHaveLength(1);
  });

  test('never has the credential inside an address', () => {
    for (const line of lines.filter((text) => text.startsWith('PROJECT='))) expect(line).not.toContain('@');
  });
});

describe('the claim route', () => {
  let server: ServerUnderTest;
  beforeAll(async () => {
    server = await startServerUnderTest();
  });
  afterAll(async () => server.close());
  const ask = (headers: Record<string, string> = {}, id = AGENT) =>
    server.as('agent', { method: 'POST', url: `/v1/agents/${id}/claim`, payload: {}, headers });

  test('answers JSON unless text is asked for', async () => {
    expect((await ask()).json()).toMatchObject({ task: { id: TASK }, lease: { id: LEASE } });
    expect((await ask({ accept: 'application/json, text/plain' })).headers['content-type']).toMatch(
      /^application\/json/,
    );
    expect((await ask({ accept: 'text/plain;q=0.1, application/*' })).headers['content-type']).toMatch(
      /^application\/json/,
    );
  });

  test.each(['text/plain', 'text/plain, application/json', 'text/*'])(
    'answers NAME=value lines for Accept: %s',
    async (accept) => {
      const answer = await ask({ accept });
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(answer.body).toContain(`TASK_ID=${TASK}\n`);
    },
  );

  test('makes the credential of bearer and lease, so that a repeated claim has the same one', async () => {
    const expected = createHmac('sha256', server.tokens.agent).update(LEASE).digest('base64url');
    const passwords = [await ask(), await ask()].map(
      (answer) => answer.json<{ git: { password: string } }>().git.password,
    );
    expect(passwords).toEqual([expected, expected]);
  });

  test('refuses the agent of another token with foreign_agent', async () => {
    expectProblem(await ask({}, TASK), 'foreign_agent');
  });

  test('bounds the time to wait', async () => {
    const answer = await server.as('agent', {
      method: 'POST',
      url: `/v1/agents/${AGENT}/claim`,
      payload: { waitSeconds: 3_600 },
    });
    expectProblem(answer, 'invalid_request');
  });

  test('makes the event id of a report from its key, and refuses a foreign lease', async () => {
    const submit = (lease: string) =>
      server.as('agent', {
        method: 'POST',
        url: `/v1/agents/${AGENT}/submit`,
        payload: { lease },
        headers: { 'idempotency-key': 's1' },
      });
    const [first, second] = [await submit(LEASE), await submit(LEASE)];
    expect(first?.json()).toMatchObject({ idempotent: true });
    expect(second?.json<{ eventId: string }>().eventId).toBe(first?.json<{ eventId: string }>().eventId);
    expectProblem(await submit(TASK), 'foreign_lease');
  });
});

describe('a claim that waits', () => {
  let server: ServerUnderTest;
  afterEach(async () => server.database.close());

  async function waitFor(moment: 'the log' | 'the service', options: Partial<ServerOptions> = {}) {
    server = await startServerUnderTest({}, options);
    const address = await server.app.listen({ port: 0, host: '127.0.0.1' });
    const gone = new AbortController();
    const answer = fetch(`${address}/v1/agents/${AGENT}/claim`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.tokens.agent}`, 'content-type': 'application/json' },
      body: JSON.stringify({ waitSeconds: 60 }),
      signal: gone.signal,
    });
    await expect
      .poll(() =>
        moment === 'the log'
          ? server.log.some((line) => line.includes('/claim'))
          : server.services.waits.begun > 0,
      )
      .toBe(true);
    return { answer, gone };
  }

  test('is refused with too_many_streams beyond the limit; one that does not wait is not', async () => {
    const { answer, gone } = await waitFor('the service', { maxWaits: 1 });
    const claimNow = (waitSeconds: number) =>
      server.as('agent', {
        method: 'POST',
        url: `/v1/agents/${AGENT}/claim`,
        payload: { waitSeconds },
      });
    const refused = await claimNow(60);
    expectProblem(refused, 'too_many_streams');
    expect(refused.headers['retry-after']).toBeDefined();
    expect((await claimNow(0)).statusCode).toBe(200);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => server.services.waits.ended).toBe(1);
    const next = claimNow(60);
    await expect.poll(() => server.services.waits.begun).toBe(2);
    await server.app.close();
    expect((await next).statusCode).toBe(204);
  });

  // The log line comes while the token is still being checked: both sides of the handler's beginning are tried.
  test.each(['the log', 'the service'] as const)(
    'is answered with 204 when the server closes, which does not wait for it (seen by %s)',
    async (moment) => {
      const { answer } = await waitFor(moment);
      const begun = performance.now();
      const closed = server.app.close();
      const { status } = await answer;
      await closed;
      expect(status).toBe(204);
      expect(performance.now() - begun).toBeLessThan(5_000);
    },
  );

  test.each(['the log', 'the service'] as const)(
    'ends when its client is gone (seen by %s)',
    async (moment) => {
      const { answer, gone } = await waitFor(moment);
      gone.abort();
      await expect(answer).rejects.toThrow();
      // Gone before its body had come, it never reaches the service: then the close below shows that nothing waits.
      await expect.poll(() => server.services.waits.begun - server.services.waits.ended).toBe(0);
      const begun = performance.now();
      await server.app.close();
      // The client of this test has opened a new connection meanwhile and says nothing on it.
      expect(performance.now() - begun).toBeLessThan(3_000);
    },
  );
});
