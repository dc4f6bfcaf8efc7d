import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { claim, doTask, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { git } from '../support/git.ts';
import type { Files } from '../support/fast-import.ts';
import { commitIn } from '../support/remote.ts';
import { filePages, handIn, linesOf, readDiff, readFiles, tasksByFile } from '../support/review.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const LINES = Array.from({ length: 30 }, (_, at) => `line ${at + 1}\n`).join('');

/** One phase of one task in two projects, in review. */
async function inReview(): Promise<{ api: TestProject; work: Work; id: string; digest: string }> {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': LINES });
  const web = await addProject(service, 'web');
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  await doTask(await registerAgent(service), 'login', {
    api: { 'login.ts': 'in\n', 'shared.txt': LINES.replace('line 1\n', 'first\n') },
  });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  const { digest } = await work.review('phase', id);
  return { api, work, id, digest };
}

/** The branch of the initiative goes on beside the phase. */
async function landBeside(api: TestProject, files: Files): Promise<string> {
  const dir = `${api.remote.dir}-beside`;
  await git(api.hub, ['worktree', 'add', '--quiet', '--detach', dir, INITIATIVE]);
  const made = await commitIn(dir, files);
  await git(api.hub, ['update-ref', INITIATIVE, made]);
  return made;
}

test('since the last review a reviewer decided on, only the revision is shown, although the initiative was merged in', async () => {
  const { api, work, id, digest } = await inReview();
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Be polite.' });
  const landed = await landBeside(api, {
    'beside.txt': 'of another phase\n',
    'shared.txt': LINES.replace('line 30\n', 'last\n'),
  });
  const agent = await registerAgent(work.service, 'reviser');
  await handIn(agent, 'revision-1', 'api', async (worktree) => {
    await git(worktree, ['fetch', '--quiet', api.hub, landed]);
    await git(worktree, ['merge', '--quiet', '--no-edit', 'FETCH_HEAD']);
    await writeFile(path.join(worktree, 'login.ts'), 'welcome in\n');
    await writeFile(path.join(worktree, 'polite.ts'), 'please\n');
  });
  await work.untilPhase('build', 'pending_review.open');

  const since = await readFiles(work, 'phase', id, { since: 'last' }, 'reviewer');
  expect(since.since).toBe(digest);
  expect(tasksByFile(since.files)).toEqual({ 'login.ts': ['revision-1'], 'polite.ts': ['revision-1'] });
  expect(since.projects.map((one) => [one.project, one.files, one.includesBase])).toEqual([
    ['api', 2, false],
    ['web', 0, false],
  ]);
  const name = { project: 'api', path: 'login.ts' };
  const lines = await readDiff(work, 'phase', id, { ...name, since: 'last' }, 'reviewer');
  expect(lines).toMatchObject({ since: digest, includesBase: false });
  expect(linesOf(lines)).toEqual(['-in', '+welcome in']);
  expect((await readFiles(work, 'phase', id, { since: digest }, 'viewer')).files).toEqual(since.files);

  const whole = await readFiles(work, 'phase', id);
  expect(Object.keys(tasksByFile(whole.files))).toEqual(['login.ts', 'polite.ts', 'shared.txt']);
  expect(linesOf(await readDiff(work, 'phase', id, name))).toEqual(['+welcome in']);
});

test('what only the base has changed is shown, and said to be, where it can not be told from the work', async () => {
  const { api, work, id } = await inReview();
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Be polite.' });
  const landed = await landBeside(api, { 'beside.txt': 'of another phase\n', 'login.ts': 'other\n' });
  await handIn(await registerAgent(work.service, 'reviser'), 'revision-1', 'api', async (worktree) => {
    await git(worktree, ['fetch', '--quiet', api.hub, landed]);
    await git(worktree, ['merge', '--quiet', 'FETCH_HEAD']).catch(() => 'settled below');
    await writeFile(path.join(worktree, 'login.ts'), 'welcome in\n');
  });
  await work.untilPhase('build', 'pending_review.open');

  const { files, projects } = await readFiles(work, 'phase', id, { since: 'last' }, 'reviewer');
  expect(files.map((file) => file.path)).toEqual(['beside.txt', 'login.ts']);
  expect(projects.map((one) => [one.project, one.includesBase])).toEqual([
    ['api', true],
    ['web', false],
  ]);
});

test('pages that were begun before a revision are not continued after it', async () => {
  const { work, id } = await inReview();
  const { next } = await readFiles(work, 'phase', id, { limit: 1 });
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'More.' });
  await doTask(await registerAgent(work.service, 'reviser'), 'revision-1', { api: { 'a.ts': 'new\n' } });
  await work.untilPhase('build', 'pending_review.open');

  const address = `/v1/phases/${id}/review/files?limit=1&after=${next}`;
  expect(await work.service.refusal('viewer', 'GET', address)).toMatchObject({ code: 'invalid_cursor' });
});

test('the last review of one reviewer is not that of another', async () => {
  const { work, id, digest } = await inReview();
  const agent = await registerAgent(work.service, 'reviser');
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Once.' }, { who: 'admin' });
  await doTask(agent, 'revision-1', { api: { 'once.ts': '1\n' } });
  await work.untilPhase('build', 'pending_review.open');
  const { digest: second } = await work.review('phase', id);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Twice.' }, { who: 'reviewer' });
  await doTask(agent, 'revision-2', { web: { 'twice.ts': '2\n' } });
  await work.untilPhase('build', 'pending_review.open');

  const names = async (who: string) => {
    const { since, files } = await readFiles(work, 'phase', id, { since: 'last' }, who);
    return { since, files: files.map((file) => [file.project, file.path]) };
  };
  expect(await names('admin')).toEqual({
    since: digest,
    files: [
      ['api', 'once.ts'],
      ['web', 'twice.ts'],
    ],
  });
  expect(await names('reviewer')).toEqual({ since: second, files: [['web', 'twice.ts']] });
  const pages = await filePages(work, 'phase', id, 3);
  expect(pages.map(({ files }) => files.map((file) => `${file.project}/${file.path}`))).toEqual([
    ['api/login.ts', 'api/once.ts', 'api/shared.txt'],
    ['web/twice.ts'],
  ]);
  const nobody = await work.service.refusal('operator', 'GET', `/v1/phases/${id}/review/files?since=last`);
  expect(nobody).toMatchObject({ code: 'no_earlier_review', status: 404 });
});

test('of a task that is handed in again, what is new since the changes were requested is shown', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'login', needsReview: true }] }],
  });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n', 'same.ts': 'same\n' } });
  const { id } = await work.untilTask('build', 'login', 'pending_review');
  const { digest } = await work.review('task', id);
  await work.tell('task', id, 'task.requestChanges', { summary: 'Louder.' });
  const again = await claim(agent, 'login');
  await pushFiles(agent, again, { api: { 'login.ts': 'IN\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'login', 'pending_review');

  const page = await readFiles(work, 'task', id, { since: 'last' }, 'reviewer');
  expect(page.since).toBe(digest);
  expect(tasksByFile(page.files)).toEqual({ 'login.ts': ['login'] });
  const query = { project: 'api', path: 'login.ts', since: 'last' };
  expect(linesOf(await readDiff(work, 'task', id, query, 'reviewer'))).toEqual(['-in', '+IN']);
  expect((await readFiles(work, 'task', id)).files).toHaveLength(2);
});
