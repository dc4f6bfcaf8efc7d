import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { readDiff, readFiles, reviewAddress, type ReviewQuery } from '../support/review.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('whatever can not be read of a review is refused with its code, and nothing changes', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'old.ts': 'one\ntwo\nthree\n' });
  await addProject(service, 'elsewhere');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const content = Array.from({ length: 50 }, (_, at) => `${at}\n`).join('');
  await doTask(await registerAgent(service), 'login', {
    api: { 'login.ts': content, 'more.ts': content, 'old.ts': null, 'new.ts': 'one\ntwo\nthree\n' },
  });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  const login = await work.task('build', 'login');
  const before = await work.journal('phase', id);

  const refused = async (what: 'files' | 'diff', query: ReviewQuery, who = 'viewer') => {
    const { code, status } = await service.refusal(who, 'GET', reviewAddress('phase', id, what, query));
    return [code, status];
  };
  const file = { project: 'api', path: 'login.ts' };
  const list = await readFiles(work, 'phase', id, { limit: 1 });
  const diff = await readDiff(work, 'phase', id, { ...file, limit: 7 });
  if (list.next === null || diff.next === null) throw new Error('there is only one page');

  for (const what of ['files', 'diff'] as const) {
    const given = what === 'diff' ? file : {};
    const unknown = reviewAddress('phase', randomUUID(), what, given);
    expect(await service.refusal('viewer', 'GET', unknown)).toMatchObject({ code: 'unknown_phase' });
    const initiative = reviewAddress('initiative', work.id, what, given);
    expect(await service.refusal('viewer', 'GET', initiative)).toMatchObject({ code: 'no_open_review' });
    const task = reviewAddress('task', login.id, what, given);
    expect(await service.refusal('viewer', 'GET', task)).toMatchObject({ code: 'no_open_review' });
    expect(await refused(what, { ...given, project: 'elsewhere' })).toEqual(['unknown_project', 404]);
    expect(await refused(what, { ...given, since: 'f'.repeat(64) })).toEqual(['no_earlier_review', 404]);
    expect(await refused(what, { ...given, since: 'last' }, 'reviewer')).toEqual(['no_earlier_review', 404]);
    const foreign = what === 'files' ? diff.next : list.next;
    for (const after of ['x', `${'0'.repeat(32)}-1`, foreign, `${foreign}0`])
      expect(await refused(what, { ...given, after })).toEqual(['invalid_cursor', 400]);
    expect(await refused(what, { ...given, since: 'first' })).toEqual(['invalid_request', 400]);
    expect(await refused(what, { ...given, after: 'x'.repeat(101) })).toEqual(['invalid_request', 400]);
    expect(await refused(what, { ...given, project: 'x'.repeat(64) })).toEqual(['invalid_request', 400]);
    for (const limit of [0, what === 'files' ? 501 : 5_001, 1.5])
      expect(await refused(what, { ...given, limit })).toEqual(['invalid_request', 400]);
    expect(await refused(what, given, 'agent')).toEqual(['forbidden', 403]);
  }

  expect(await refused('diff', { ...file, path: 'more.ts', after: diff.next })).toEqual([
    'invalid_cursor',
    400,
  ]);
  expect(await refused('diff', { ...file, context: 5, after: diff.next })).toEqual(['invalid_cursor', 400]);
  for (const path of ['none.ts', 'old.ts', '../login.ts', '/login.ts', 'LOGIN.TS', '"caf\\351"'])
    expect(await refused('diff', { project: 'api', path })).toEqual(['unknown_file', 404]);
  // Names that need no quotes, a byte that needs some, an end that is missing: nothing is ever printed like this.
  for (const path of ['"login.ts"', 'a\u0000b', 'a\nb', '"caf\\351', 'x'.repeat(4_097)])
    expect(await refused('diff', { project: 'api', path })).toEqual(['invalid_request', 400]);
  expect(await refused('diff', { project: 'api' })).toEqual(['invalid_request', 400]);
  expect(await refused('diff', { ...file, context: 1_001 })).toEqual(['invalid_request', 400]);

  expect(await work.journal('phase', id)).toEqual(before);
  expect(await readFiles(work, 'phase', id, { limit: 1 })).toEqual(list);
});
