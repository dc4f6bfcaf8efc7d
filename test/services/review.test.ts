import path from 'node:path';
import { expect, test } from 'vitest';
import type { PlacedThread } from '../../src/services/shapes/comment.ts';
import { claim, doTask, pushFiles, registerAgent, report, submit } from '../support/agent.ts';
import { filesAt, git, isContained, tipOf } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { linesOf, readDiff } from '../support/review.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, stateText, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const PHASE = 'refs/heads/signalbox/goal/phase/build';

/** One phase of one task, in review. */
async function inReview(
  limits: Readonly<Record<string, number>> = {},
  untouched: readonly string[] = [],
): Promise<{ service: TestService; api: TestProject; work: Work; phaseId: string }> {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api, ...(await Promise.all(untouched.map((key) => addProject(service, key))))],
    limits,
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  return { service, api, work, phaseId: id };
}

/** The initiative is back at work, because its reviewer has commented on a line. */
async function changesAsked() {
  const { service, api, work } = await inReview();
  await work.approvePhase('build');
  const { id } = await work.untilState('pending_review.open');
  const comments = [{ project: 'api', file: 'login.ts', line: 1, text: 'Say more.' }];
  await work.tell('initiative', id, 'initiative.requestChanges', { summary: 'Nearly.', comments });
  const commented = async () =>
    (await service.get<{ comments: PlacedThread[] }>(`/v1/initiatives/${id}/review/comments`)).comments;
  return { service, api, work, id, comments, commented };
}

/** Someone writes to the hub beside the service. */
async function moveBeside(api: TestProject, ref: string): Promise<string> {
  const dir = `${api.remote.dir}-beside-${path.basename(ref)}`;
  await git(api.hub, ['worktree', 'add', '--quiet', '--detach', dir, ref]);
  const made = await commitIn(dir, { 'beside.txt': 'nobody looked at this\n' });
  await git(api.hub, ['update-ref', ref, made]);
  return made;
}

test('an approval of heads that the review does not serve is refused with the projects in which they differ, and nothing changes', async () => {
  const { api, work, phaseId } = await inReview({}, ['web']);
  const { version } = await work.phase('build');
  const other = await api.remote.tip();

  expect(await work.refusalOf('phase', phaseId, 'phase.approve', { heads: { api: other } })).toMatchObject({
    code: 'heads_not_served',
    status: 409,
  });
  const { heads } = await work.review('phase', phaseId);
  const leftOut = { heads: { api: heads['api'] } };
  expect(await work.refusalOf('phase', phaseId, 'phase.approve', leftOut)).toMatchObject({
    code: 'heads_not_served',
    detail: expect.stringContaining('web left out'),
    details: { differs: ['web'], heads },
  });
  const tooMany = { heads: { ...heads, docs: null } };
  expect(await work.refusalOf('phase', phaseId, 'phase.approve', tooMany)).toMatchObject({
    code: 'heads_not_served',
    detail: expect.stringContaining('docs not part of it'),
    details: { differs: ['docs'] },
  });
  expect(await work.refusalOf('phase', phaseId, 'phase.approve')).toMatchObject({ code: 'invalid_payload' });

  const phase = await work.phase('build');
  expect([stateText(phase.state), phase.version]).toEqual(['pending_review.open', version]);
  expect(await tipOf(api.hub, INITIATIVE)).toBe(other);
});

test('an approval is refused when a head has moved since the review was opened, and the review serves the new heads after a recheck', async () => {
  const { api, work, phaseId } = await inReview();
  const { heads } = await work.review('phase', phaseId);
  const { version } = await work.phase('build');
  const moved = await moveBeside(api, PHASE);

  const refused = await work.refusalOf('phase', phaseId, 'phase.approve', { heads });
  expect(refused).toMatchObject({
    code: 'heads_moved',
    status: 409,
    details: { differs: ['api'], heads: { api: moved } },
  });
  expect((await work.phase('build')).version).toBe(version);
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());

  await work.tell('phase', phaseId, 'phase.recheck');
  await work.untilPhase('build', 'pending_review.open');
  expect((await work.review('phase', phaseId)).heads).toEqual({ api: moved });
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, moved, INITIATIVE)).toBe(true);
});

test('a reviewer alone opens the review of a phase and of an initiative again when a head has moved', async () => {
  const { api, work, phaseId } = await inReview();
  const asReviewer = { who: 'reviewer' };
  const { heads } = await work.review('phase', phaseId);
  const phaseHead = await moveBeside(api, PHASE);
  expect(await work.refusalOf('phase', phaseId, 'phase.approve', { heads }, asReviewer)).toMatchObject({
    code: 'heads_moved',
  });
  await work.tell('phase', phaseId, 'phase.recheck', {}, asReviewer);
  await work.untilPhase('build', 'pending_review.open');
  await work.tell('phase', phaseId, 'phase.approve', { heads: { api: phaseHead } }, asReviewer);

  const { id } = await work.untilState('pending_review.open');
  const served = await work.review('initiative', id);
  const head = await moveBeside(api, INITIATIVE);
  const approval = { heads: served.heads, strategies: {} };
  expect(await work.refusalOf('initiative', id, 'initiative.approve', approval, asReviewer)).toMatchObject({
    code: 'heads_moved',
  });
  await work.tell('initiative', id, 'initiative.recheck', {}, asReviewer);
  await work.untilState('pending_review.open');
  await work.tell('initiative', id, 'initiative.approve', { heads: { api: head } }, asReviewer);
  await work.untilState('completed');
});

test('a head that moves between the approval and the landing sends the phase back to review', async () => {
  const { api, work, phaseId } = await inReview();
  await work.tell('initiative', work.id, 'initiative.pause');
  await work.approvePhase('build');
  await work.untilPhase('build', 'merging.gate');
  const moved = await moveBeside(api, PHASE);
  await work.tell('initiative', work.id, 'initiative.resume');

  await work.untilPhase('build', 'pending_review.open');
  expect((await work.review('phase', phaseId)).heads).toEqual({ api: moved });
  expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
});

test('a second approval is refused and merges nothing twice', async () => {
  const { api, work, phaseId } = await inReview();
  const { heads } = await work.review('phase', phaseId);
  const answers = await Promise.all(
    ['one', 'two'].map((key) =>
      work.service.call(
        'reviewer',
        'POST',
        `/v1/phases/${phaseId}/events`,
        { type: 'phase.approve', heads },
        { key },
      ),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  await work.untilPhase('build', 'completed');
  expect(
    await git(api.hub, [
      'rev-list',
      '--count',
      '--merges',
      '--first-parent',
      `${await api.remote.tip()}..${INITIATIVE}`,
    ]),
  ).toBe('1');
});

test('a review goes through changes with comments to a second round and is landed', async () => {
  const { service, api, work, phaseId } = await inReview();
  const comments = [{ project: 'api', file: 'login.ts', line: 1, text: 'Greet them.' }];
  await work.tell('phase', phaseId, 'phase.requestChanges', { summary: 'Be polite.', comments });
  expect(await work.service.refusal('viewer', 'GET', `/v1/phases/${phaseId}/review`)).toMatchObject({
    code: 'no_open_review',
  });

  const agent = await registerAgent(service, 'reviser');
  const revision = await claim(agent, 'revision-1');
  expect(revision.comments).toMatchObject(comments);
  await pushFiles(agent, revision, { api: { 'login.ts': 'welcome in\n' } });
  await submit(agent, revision);
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');

  const { tasks } = await work.phase('build');
  expect(tasks.map(({ key, state }) => [key, stateText(state)])).toEqual([
    ['login', 'completed'],
    ['revision-1', 'completed'],
  ]);
  expect((await filesAt(api.hub, INITIATIVE))['login.ts']).toBe('welcome in');
});

test('changes can be requested as often as the plan allows', async () => {
  const { work, phaseId } = await inReview({ rounds: 1 });
  expect(await work.refusalOf('phase', phaseId, 'phase.requestChanges', { summary: 'No.' })).toMatchObject({
    code: 'no_rounds_left',
  });
  expect((await work.phase('build')).tasks).toHaveLength(1);
  const said = await work.explain('phase', phaseId);
  expect(said.tags).toContain('needs_you');
  expect(said.needsYou?.text).toBe(
    'No round of changes is left, the plan allows no more: approve the heads, add a task that does what is missing, waive it or cancel it.',
  );
  expect(said.moves.map(({ event }) => event)).not.toContain('phase.requestChanges');

  await work.approvePhase('build');
  const { id } = await work.untilState('pending_review.open');
  expect((await work.explain('initiative', id)).needsYou?.text).toBe(
    'No round of changes is left, the plan allows no more: approve the heads for delivery, add a phase that does what is missing or cancel it.',
  );
});

test('a task added in review makes the review void: the old heads can not be approved, and the phase goes back to work', async () => {
  const { service, work, phaseId } = await inReview();
  const { heads } = await work.review('phase', phaseId);

  await work.tell('phase', phaseId, 'phase.addTask', {
    key: 'logout',
    title: 'Sign out',
    dependsOn: ['login'],
  });

  await work.untilPhase('build', 'in_progress');
  expect(await work.refusalOf('phase', phaseId, 'phase.approve', { heads })).toMatchObject({
    code: 'not_enabled',
  });
  await doTask(await registerAgent(service, 'another'), 'logout', { api: { 'logout.ts': 'out\n' } });
  await work.untilPhase('build', 'pending_review.open');
  expect((await work.review('phase', phaseId)).heads).not.toEqual(heads);
});

test('a phase added in review makes the review of the initiative void: the old heads can not be approved', async () => {
  const { api, work } = await inReview();
  await work.approvePhase('build');
  const { id } = await work.untilState('pending_review.open');
  const { heads } = await work.review('initiative', id);

  await work.tell('initiative', id, 'initiative.addPhase', { key: 'more', title: 'More' });

  expect(
    await work.refusalOf('initiative', id, 'initiative.approve', { heads, strategies: {} }),
  ).toMatchObject({ status: 409 });
  await work.approvePhase('more');
  await work.untilState('pending_review.open');
  expect(await api.remote.tip('signalbox/goal')).toBeNull();
});

test('what is asked of an initiative is asked for again when the task that was to answer it is canceled, though its phase lands', async () => {
  const { service, api, work, commented } = await changesAsked();
  const agent = await registerAgent(service, 'reviser');
  const revision = await claim(agent, 'requested-changes');
  const { api: head } = await pushFiles(agent, revision, { api: { 'login.ts': 'more\nin\n' } });
  const landing = service.gates.hold('before-merge');
  await submit(agent, revision);
  await landing.reached;
  // The landing does not come to its end.
  await moveBeside(api, 'refs/heads/signalbox/goal/phase/revision-1');
  await work.tell('task', revision.task.id, 'task.cancel');
  landing.release();
  await work.untilTask('revision-1', 'requested-changes', 'canceled');
  await work.approvePhase('revision-1');
  await work.untilState('pending_review.open');

  expect(await commented()).toMatchObject([{ state: 'open', replies: [{ kind: 'fixed' }] }]);
  expect(await isContained(api.hub, head ?? '', 'refs/heads/signalbox/goal/initiative')).toBe(false);
});

test('changes requested of an initiative become a phase with one task that has the summary and the comments, which are addressed when that phase has landed', async () => {
  const { service, api, work, id, comments, commented } = await changesAsked();

  const agent = await registerAgent(service, 'reviser');
  const { id: taskId } = await work.untilTask('revision-1', 'requested-changes', 'queued');
  expect(
    await work.refusalOf('task', taskId, 'task.split', {
      into: ['left', 'right'].map((key) => ({ key, title: key })),
    }),
  ).toMatchObject({ code: 'work_begun' });

  const revision = await claim(agent, 'requested-changes');
  expect(revision.task).toMatchObject({ phase: 'revision-1', category: 'review' });
  expect(revision.task.description).toMatch(/^Nearly\.\n\nComments of the reviewer\n.*Say more\.$/s);
  expect(revision.comments).toMatchObject(comments);
  const { api: head } = await pushFiles(agent, revision, { api: { 'login.ts': 'more\nin\n' } });
  await submit(agent, revision);
  await work.untilPhase('revision-1', 'pending_review.open');
  // Its phase may still be canceled, and with it all that was done.
  expect(await commented()).toMatchObject([{ state: 'open', place: null, replies: [{ kind: 'fixed' }] }]);
  await work.approvePhase('revision-1');
  await work.untilState('pending_review.open');
  expect(await commented()).toMatchObject([{ state: 'addressed', place: { line: 2, outdated: false } }]);
  const query = { project: 'api', path: 'login.ts' };
  expect(linesOf(await readDiff(work, 'initiative', id, query))).toEqual(['+more', '+in']);
  const since = { ...query, since: 'last' };
  const news = await readDiff(work, 'initiative', id, since, 'reviewer');
  expect(linesOf(news)).toEqual(['+more', ' in']);
  await work.approve();
  await work.untilState('completed');
  expect(await isContained(api.remote.dir, head ?? '', 'refs/heads/signalbox/goal')).toBe(true);
});

test('a task that wants a review lands when exactly its heads are approved, and goes back to work with what the reviewer said', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'login', needsReview: true }] }],
  });
  const agent = await registerAgent(service);
  const first = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilTask('build', 'login', 'pending_review');
  const comments = [{ project: 'api', file: 'login.ts', line: 1, text: 'Louder.' }];
  await work.tell('task', id, 'task.requestChanges', { summary: 'Again, please.', comments });

  const again = await claim(agent, 'login');
  expect(again.task.attempt).toBe(2);
  expect(again.comments).toMatchObject(comments);
  expect(again.task.description).toContain('Again, please.');
  const { api: head } = await pushFiles(agent, again, { api: { 'login.ts': 'IN\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'login', 'pending_review');
  expect(await work.refusalOf('task', id, 'task.approve', { heads: first.heads })).toMatchObject({
    code: 'heads_not_served',
    details: { differs: ['api'], heads: { api: head } },
  });
  await work.tell('task', id, 'task.approve', { heads: { api: head } });

  await work.untilTask('build', 'login', 'completed');
  expect((await filesAt(api.hub, PHASE))['login.ts']).toBe('IN');
});

test('an agent asks a person, and hears the answer with its next heartbeat', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  await report(agent, claimed, 'ask', { question: 'Which color?' });
  const asking = await work.untilTask('build', 'login', 'in_progress.asking');
  expect([asking.question, asking.tags.includes('needs_you')]).toEqual(['Which color?', true]);

  await work.tell('task', asking.id, 'task.answer', { answer: 'Blue.' });

  expect(await report(agent, claimed, 'heartbeat')).toMatchObject({ questionAnswer: 'Blue.' });
  await work.untilTask('build', 'login', 'in_progress.working');
});
