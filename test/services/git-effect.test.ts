import { expect, test } from 'vitest';
import { EffectFailure, EffectRetryLater, type EffectRun } from '../../src/actors/effects.ts';
import type { Sql } from '../../src/actors/sql.ts';
import { GitError } from '../../src/git/git-error.ts';
import { gitEffect } from '../../src/services/effects/git-effect.ts';

const run: EffectRun = {
  effectId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a10',
  actorId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a11',
  rootId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a11',
  kind: 'task.land',
  input: {},
  attempt: 1,
  signal: new AbortController().signal,
};

/** How old the effect is: the only thing that is asked of the database. */
function aged(isYoung: boolean): Sql {
  return { query: async () => ({ rows: [], rowCount: isYoung ? 1 : 0 }) };
}

function thrownBy(error: unknown, isYoung = true): Promise<unknown> {
  return gitEffect(aged(isYoung), () => Promise.reject(error))(run).then(
    () => null,
    (thrown: unknown) => thrown,
  );
}

const noSpace = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

test.each([
  ['a file of this process', noSpace],
  ['the cause of another error', new Error('a child could not be written down', { cause: noSpace })],
  [
    'the words of git',
    new GitError('git_failed', 'git failed', { stderr: 'fatal: No space left on device' }),
  ],
])('a full disk, told by %s, is waited for at no cost', async (_by, error) => {
  expect(await thrownBy(error)).toBeInstanceOf(EffectRetryLater);
});

test('a remote that can not be reached is waited for while the effect is young, and is for a person afterwards', async () => {
  const away = new GitError('remote_unreachable', 'the remote can not be reached');
  expect(await thrownBy(away)).toBeInstanceOf(EffectRetryLater);
  expect(await thrownBy(away, false)).toMatchObject({ code: 'remote_unreachable' });
  expect(await thrownBy(away, false)).toBeInstanceOf(EffectFailure);
});

test('a fault that passes by itself stays an ordinary error, which the runtime tries again up to its cap', async () => {
  const locked = new GitError('ref_locked', 'another git holds a lock');
  expect(await thrownBy(locked)).toBe(locked);
});

test('any other refusal of git is for a person at once, with the words of git', async () => {
  const failure = await thrownBy(new GitError('git_failed', 'git failed', { stderr: 'fatal: bad object' }));
  expect(failure).toBeInstanceOf(EffectFailure);
  expect(failure).toMatchObject({ code: 'git_failed', message: 'git failed: fatal: bad object' });
});
