import { expect, test } from 'vitest';
import type { CommentThread, PlacedThread } from '../../src/services/shapes/comment.ts';
import {
  claim,
  cloneOf,
  doTask,
  push,
  pushFiles,
  registerAgent,
  report,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { commitIn } from '../support/remote.ts';
import { git } from '../support/git.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, type Work } from '../support/work.ts';

const CODE = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n';

/** A phase in review: `code.txt` was changed on line 5, `old.txt` was there before, `image.bin` is no text. */
async function inReview() {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'code.txt': CODE, 'old.txt': 'old\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'login' }] }],
  });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', {
    api: { 'code.txt': CODE.replace('five', 'FIVE'), 'image.bin': 'a\u0000b' },
  });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  return { service, api, work, agent, id, on: commentsOf(service, `/v1/phases/${id}/review/comments`) };
}

function commentsOf(service: TestService, path: string) {
  return {
    add: (body: object, options = {}) =>
      service.post<CommentThread>('reviewer', path, { project: 'api', text: 'Why?', ...body }, options),
    refused: (body: object, who = 'reviewer', options = {}) =>
      service.refusal(who, 'POST', path, { project: 'api', text: 'Why?', ...body }, options),
    list: async (query = '') => (await service.get<{ comments: PlacedThread[] }>(`${path}${query}`)).comments,
  };
}

async function again(work: Work, phase: string): Promise<string> {
  return (await work.untilPhase(phase, 'pending_review.open')).id;
}

test('a comment is pinned to commit, blob and lines, with the code around it', async () => {
  const { work, id, on } = await inReview();
  const { heads, base } = await work.review('phase', id);
  const made = await on.add({
    file: 'code.txt',
    startLine: 4,
    line: 5,
    text: 'Too loud. <b>Really</b> \u001b[31m',
  });

  expect(made).toMatchObject({
    unit: { kind: 'phase', id },
    round: 1,
    state: 'open',
    requestedIn: null,
    project: 'api',
    side: 'new',
    file: 'code.txt',
    startLine: 4,
    line: 5,
    commit: heads['api'],
    text: 'Too loud. <b>Really</b> \u001b[31m',
    replies: [],
  });
  expect(made.excerpt).toEqual(
    ['one', 'two', 'three', 'four', 'FIVE', 'six', 'seven', 'eight'].map((text, at) => ({
      line: at + 1,
      text,
    })),
  );
  const before = await on.add({ file: 'code.txt', side: 'old', line: 5 });
  expect(before).toMatchObject({ side: 'old', commit: base['api'] });
  expect(before.excerpt.find(({ line }) => line === 5)?.text).toBe('five');
  const whole = await on.add({ file: 'image.bin', line: 0 });
  expect(whole).toMatchObject({ line: 0, excerpt: [] });
  expect((await on.list()).map(({ id: found, place }) => [found, place])).toEqual([
    [made.id, { file: 'code.txt', startLine: 4, line: 5, outdated: false }],
    [before.id, { file: 'code.txt', startLine: 5, line: 5, outdated: false }],
    [whole.id, { file: 'image.bin', startLine: 0, line: 0, outdated: false }],
  ]);
});

test('a comment on what is not there is refused with a code, and nothing is kept', async () => {
  const { service, work, id, on } = await inReview();
  const refusals = [
    await on.refused({ file: 'nowhere.txt', line: 1 }),
    await on.refused({ file: 'image.bin', side: 'old', line: 0 }),
    await on.refused({ file: '../code.txt', line: 1 }),
    await on.refused({ file: 'code.txt', line: 9 }),
    await on.refused({ file: 'code.txt', startLine: 3, line: 2 }),
    await on.refused({ file: 'image.bin', line: 1 }),
    await on.refused({ file: 'code.txt', line: 1, project: 'web' }),
    await on.refused({ file: 'code.txt', line: -1 }),
    await on.refused({ file: 'code.txt', line: 1, text: '' }),
    await on.refused({ file: 'code.txt', line: 1, text: 'a\u0000b' }),
    await on.refused({ file: 'code.txt', line: 1 }, 'viewer'),
  ];
  expect(refusals.map(({ code }) => code)).toEqual([
    'unknown_file',
    'unknown_file',
    'unknown_file',
    'unknown_line',
    'unknown_line',
    'unknown_line',
    'unknown_project',
    'invalid_request',
    'invalid_request',
    'invalid_request',
    'forbidden',
  ]);
  const { version } = await work.phase('build');
  const changes = {
    summary: 'No.',
    comments: [{ project: 'api', file: 'code.txt', line: 99, text: 'Where?' }],
  };
  expect(await work.refusalOf('phase', id, 'phase.requestChanges', changes)).toMatchObject({
    code: 'unknown_line',
  });
  expect((await work.phase('build')).version).toBe(version);
  expect(await on.list()).toEqual([]);

  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  expect(await on.refused({ file: 'code.txt', line: 1 })).toMatchObject({ code: 'no_open_review' });
  const missing = '00000000-0000-4000-8000-000000000000';
  expect(
    await service.refusal('reviewer', 'POST', `/v1/review/comments/${missing}/replies`, { text: 'Hm.' }),
  ).toMatchObject({ code: 'unknown_comment' });
});

test('a comment that is sent twice with one key is one comment', async () => {
  const { work, on } = await inReview();
  const options = { key: 'once' };
  const first = await on.add({ file: 'code.txt', line: 5 }, options);
  expect(await on.add({ file: 'code.txt', line: 5 }, options)).toEqual(first);
  expect(await on.list()).toHaveLength(1);
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  expect(await on.add({ file: 'code.txt', line: 5 }, options)).toEqual(first);
});

test('a comment that meets an event of its unit is kept only while the review is open', async () => {
  const { service, work, id, on } = await inReview();
  const renamed = service.gates.hold('before-comment');
  const kept = on.add({ file: 'code.txt', line: 5 });
  await renamed.reached;
  await work.tell('phase', id, 'phase.rename', { title: 'Builder' });
  renamed.release();
  const { id: known } = await kept;

  const requested = service.gates.hold('before-comment');
  const refused = on.refused({ file: 'code.txt', line: 1 });
  await requested.reached;
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly.' });
  requested.release();

  expect(await refused).toMatchObject({ code: 'no_open_review' });
  expect((await on.list()).map((thread) => [thread.id, thread.requestedIn])).toEqual([[known, 1]]);
});

test('a unit has 1,000 comments at most, those that come with a request for changes included', async () => {
  const { service, work, id, on } = await inReview();
  await service.database.sql.query(
    `INSERT INTO review_thread (unit_id, initiative_id, round, project, side, file, start_line, line, text)
     SELECT $1, $2, 1, 'api', 'new', 'code.txt', 1, 1, 'Why?' FROM generate_series(1, 999)`,
    [id, work.id],
  );
  const comments = [1, 2].map((line) => ({ project: 'api', file: 'code.txt', line, text: 'Why?' }));
  expect(
    await work.refusalOf('phase', id, 'phase.requestChanges', { summary: 'No.', comments }),
  ).toMatchObject({ code: 'too_many_comments', status: 409 });
  await on.add({ file: 'code.txt', line: 5 });
  expect(await on.refused({ file: 'code.txt', line: 5 })).toMatchObject({ code: 'too_many_comments' });
});

test('a revision answers each comment: what is fixed is addressed, what is pushed back stays open with its reason', async () => {
  const { work, agent, id, on } = await inReview();
  const early = await on.add({ file: 'code.txt', line: 5, text: 'Too loud.' });
  const dropped = await on.add({ file: 'old.txt', line: 1, text: 'Delete it?' });
  await agent.service.post('reviewer', `/v1/review/comments/${dropped.id}/state`, {
    state: 'dismissed',
    text: 'Never mind.',
  });
  const comments = [{ project: 'api', file: 'code.txt', line: 1, text: 'Say zero.' }];
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly.', comments });

  const revision = await claim(agent, 'revision-1');
  expect(revision.comments.map(({ text, state, requestedIn }) => [text, state, requestedIn])).toEqual([
    ['Say zero.', 'open', 1],
    ['Too loud.', 'open', 1],
  ]);
  const [zero, loud] = revision.comments;
  await pushFiles(agent, revision, { api: { 'code.txt': CODE } });
  expect(await reportRefusal(agent, revision, 'submit')).toMatchObject({
    code: 'comments_unanswered',
    details: { comments: [zero?.id, loud?.id] },
  });
  const half = { answers: [{ comment: loud?.id, outcome: 'fixed', text: 'Quiet now.' }] };
  expect(await reportRefusal(agent, revision, 'submit', half)).toMatchObject({
    code: 'comments_unanswered',
    details: { comments: [zero?.id] },
  });
  const foreign = { fixedAll: 'all', answers: [{ comment: dropped.unit.id, outcome: 'fixed', text: 'Hm.' }] };
  expect(await reportRefusal(agent, revision, 'submit', foreign)).toMatchObject({ code: 'unknown_comment' });

  await report(agent, revision, 'submit', {
    answers: [...half.answers, { comment: zero?.id, outcome: 'pushed_back', text: 'It counts from one.' }],
  });

  expect(await again(work, 'build')).toBe(id);
  const found = new Map((await on.list()).map((thread) => [thread.id, thread]));
  expect(found.get(early.id)).toMatchObject({
    state: 'addressed',
    replies: [{ kind: 'fixed', text: 'Quiet now.', by: `agent:${agent.id}` }],
  });
  expect(found.get(zero?.id ?? '')).toMatchObject({
    state: 'open',
    replies: [{ kind: 'pushed_back', text: 'It counts from one.' }],
  });
  expect(found.get(dropped.id)?.state).toBe('dismissed');
  expect((await on.list('?state=open')).map((thread) => thread.id)).toEqual([zero?.id]);

  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Still.' });
  const second = await claim(agent, 'revision-2');
  expect(second.comments.map(({ id: comment, requestedIn }) => [comment, requestedIn])).toEqual([
    [zero?.id, 2],
  ]);
  expect(second.comments[0]?.replies).toMatchObject([{ kind: 'pushed_back' }]);
});

test('what a revision says is fixed is addressed when it has landed: of one that is canceled before, it is asked for again', async () => {
  const { service, api, work, agent, id, on } = await inReview();
  const { id: loud } = await on.add({ file: 'code.txt', line: 5, text: 'Too loud.' });
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly.' });
  const revision = await claim(agent, 'revision-1');
  await pushFiles(agent, revision, { api: { 'code.txt': CODE } });
  const landing = service.gates.hold('before-merge');
  await report(agent, revision, 'submit', {
    answers: [{ comment: loud, outcome: 'fixed', text: 'Quiet now.' }],
  });
  await landing.reached;
  expect(await on.list()).toMatchObject([{ state: 'open', replies: [{ kind: 'fixed' }] }]);
  // Somebody writes beside the service: the landing does not come to its end.
  const branch = 'refs/heads/signalbox/goal/phase/build';
  await git(api.hub, [
    'update-ref',
    branch,
    await git(api.hub, ['commit-tree', '-p', branch, '-m', 'beside', `${branch}^{tree}`]),
  ]);
  await work.tell('task', revision.task.id, 'task.cancel');
  landing.release();
  await work.untilTask('build', 'revision-1', 'canceled');

  await again(work, 'build');
  expect(await on.list('?state=open')).toMatchObject([{ id: loud, replies: [{ text: 'Quiet now.' }] }]);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Still.' });
  expect((await claim(agent, 'revision-2')).comments.map((comment) => comment.id)).toEqual([loud]);
});

test('what a person says of a comment while the revision lands counts more than what the revision says of it', async () => {
  const { service, work, agent, id, on } = await inReview();
  const say = (comment: string, state: string) =>
    service.post('reviewer', `/v1/review/comments/${comment}/state`, { state, text: 'My word.' });
  const made = await Promise.all([5, 6, 7, 8].map((line) => on.add({ file: 'code.txt', line })));
  const [reopened, dismissed, dropped, fixed] = made.map((comment) => comment.id);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly.' });
  const revision = await claim(agent, 'revision-1');
  await pushFiles(agent, revision, { api: { 'code.txt': CODE } });
  await say(dropped ?? '', 'dismissed');
  const landing = service.gates.hold('before-merge');
  await report(agent, revision, 'submit', {
    answers: made.map((comment) => ({ comment: comment.id, outcome: 'fixed', text: 'Done.' })),
  });
  await landing.reached;
  await say(reopened ?? '', 'open');
  await say(dismissed ?? '', 'dismissed');
  landing.release();
  await again(work, 'build');

  const states = new Map((await on.list()).map((comment) => [comment.id, comment.state]));
  expect([reopened, dismissed, dropped, fixed].map((comment) => states.get(comment ?? ''))).toEqual([
    'open',
    'dismissed',
    'dismissed',
    'addressed',
  ]);
});

test('a comment is carried over to its new lines in the next round, into a renamed file too, or marked as outdated', async () => {
  const { work, agent, id, on } = await inReview();
  await on.add({ file: 'code.txt', line: 8, text: 'stays' });
  await on.add({ file: 'code.txt', startLine: 1, line: 2, text: 'changes' });
  await on.add({ file: 'code.txt', side: 'old', line: 5, text: 'was there' });
  await on.add({ file: 'old.txt', line: 1, text: 'goes' });
  await on.add({ file: 'code.txt', line: 0, text: 'whole' });
  await on.add({ file: 'old.txt', line: 0, text: 'whole, goes' });
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Move it.' });
  const revision = await claim(agent, 'revision-1');
  const worktree = await cloneOf(agent, revision);
  await git(worktree, ['mv', 'code.txt', 'moved.txt']);
  await commitIn(worktree, { 'moved.txt': `zero\n${CODE.replace('two', 'TWO')}`, 'old.txt': null });
  await push(revision, worktree);
  await submit(agent, revision);
  await again(work, 'build');

  expect((await on.list()).map(({ text, place }) => [text, place])).toEqual([
    ['stays', { file: 'moved.txt', startLine: 9, line: 9, outdated: false }],
    ['changes', { file: 'code.txt', startLine: 1, line: 2, outdated: true }],
    ['was there', { file: 'code.txt', startLine: 5, line: 5, outdated: false }],
    ['goes', { file: 'old.txt', startLine: 1, line: 1, outdated: true }],
    ['whole', { file: 'moved.txt', startLine: 0, line: 0, outdated: false }],
    ['whole, goes', { file: 'old.txt', startLine: 0, line: 0, outdated: true }],
  ]);
});

test('a comment on a review that was read before something happened to it is refused with 412 where If-Match says so', async () => {
  const { work, agent, id, on } = await inReview();
  const asRead = async () => ({ headers: { 'if-match': `"${(await work.review('phase', id)).version}"` } });
  const old = await asRead();
  const first = await on.add({ file: 'code.txt', line: 5 }, old);
  expect((await on.add({ file: 'code.txt', line: 6 }, old)).commit).toBe(first.commit);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly.' });
  const revision = await claim(agent, 'revision-1');
  await pushFiles(agent, revision, { api: { 'code.txt': `zero\n${CODE}` } });
  await submit(agent, revision);
  await again(work, 'build');

  const { version } = await work.review('phase', id);
  expect(await on.refused({ file: 'code.txt', line: 5 }, 'reviewer', old)).toMatchObject({
    code: 'stale_version',
    status: 412,
    details: { version },
  });
  const now = await on.add({ file: 'code.txt', line: 5, text: 'four' }, await asRead());
  expect(now.excerpt.find(({ line }) => line === 5)?.text).toBe('four');
  expect(await on.list()).toHaveLength(3);
});

test('people reply to a comment, and open it again', async () => {
  const { service, on } = await inReview();
  const { id } = await on.add({ file: 'code.txt', line: 5 });
  const thread = (what: string, body: object) =>
    service.post<CommentThread>('reviewer', `/v1/review/comments/${id}/${what}`, body);
  await thread('replies', { text: 'Because.' });
  await thread('state', { state: 'addressed' });
  const opened = await thread('state', { state: 'open', text: 'Not convinced.' });
  expect(opened.state).toBe('open');
  expect(opened.replies.map(({ kind, text }) => [kind, text])).toEqual([
    ['reply', 'Because.'],
    ['addressed', ''],
    ['opened', 'Not convinced.'],
  ]);
});

test('a task that is reviewed by itself has comments too, as often as the plan has rounds', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    limits: { rounds: 2 },
    phases: [{ key: 'build', tasks: [{ key: 'login', needsReview: true }] }],
  });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const { id } = await work.untilTask('build', 'login', 'pending_review');
  const on = commentsOf(service, `/v1/tasks/${id}/review/comments`);
  expect((await work.review('task', id)).round).toBe(1);
  await on.add({ file: 'login.ts', line: 1, text: 'Say hello.' });
  await work.tell('task', id, 'task.requestChanges', { summary: 'Politely.' });

  const revision = await claim(agent, 'login');
  expect(revision.task.description).toContain('Politely.');
  expect(revision.comments).toMatchObject([{ text: 'Say hello.' }]);
  await pushFiles(agent, revision, { api: { 'login.ts': 'hello\nin\n' } });
  expect(await reportRefusal(agent, revision, 'submit')).toMatchObject({ code: 'comments_unanswered' });
  await submit(agent, revision);

  await work.untilTask('build', 'login', 'pending_review');
  expect((await work.review('task', id)).round).toBe(2);
  expect(await on.list()).toMatchObject([{ state: 'addressed', place: { line: 2, outdated: false } }]);
  expect(await work.refusalOf('task', id, 'task.requestChanges', { summary: 'Again.' })).toMatchObject({
    code: 'no_rounds_left',
  });
  await work.tell('task', id, 'task.approve', { heads: (await work.review('task', id)).heads });
  await work.untilTask('build', 'login', 'completed');
});
