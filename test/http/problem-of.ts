import type { LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import type { RefusalCode } from '../../src/errors.ts';
import { type Problem, STATUS } from '../../src/http/problem.ts';

/** Checks that the answer is a whole problem of this code, and gives it. */
export function expectProblem(answer: LightMyRequestResponse, code: RefusalCode): Problem {
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = answer.json<Problem>();
  expect(problem).toMatchObject({
    type: `urn:signalbox:problem:${code}`,
    code,
    status: STATUS[code],
    requestId: answer.headers['x-request-id'],
  });
  expect(problem.title.length).toBeGreaterThan(0);
  expect(problem.detail.length).toBeGreaterThan(0);
  expect(answer.statusCode).toBe(STATUS[code]);
  return problem;
}
