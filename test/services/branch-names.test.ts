import { expect, test } from 'vitest';
import { attemptBranch, attemptRefs } from '../../src/services/branch-names.ts';

test('the refs of earlier attempts come newest first, none before the first attempt', () => {
  expect(attemptRefs('goal', 'build', 'login', 0)).toEqual([]);
  expect(attemptRefs('goal', 'build', 'login', 3)).toEqual(
    [3, 2, 1].map((attempt) => `refs/heads/${attemptBranch('goal', 'build', 'login', attempt)}`),
  );
});
