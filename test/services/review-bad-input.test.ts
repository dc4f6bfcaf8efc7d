import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Claim } from '../../src/services/shapes/agent.ts';
import type { CommentThread, PlacedThread } from '../../src/services/shapes/comment.ts';
import {
  claim,
  claimOrNull,
  doTask,
  pushFiles,
  registerAgent,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { git, tipOf } from '../support/git.ts';
import { handIn, linesOf, readDiff, readFiles } from '../support/review.ts';
import { startTestService } from '../support/service.ts';
import { stateOf } from '../support/state-of.ts';
import { addProject, applyPlan } from '../support/work.ts';

const CODE = 'one\ntwo\nthree\n';
const UNKNOWN = 'f'.repeat(40);

/** Two phases in review, and in a third one a task that is reviewed by itself. */
async function inReview() {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'code.txt': CODE });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'one', tasks: ['login'] },
      { key: 'two', tasks: ['logout'] },
      { key: 'three', tasks: [{ key: 'reset', needsReview: true }] },
    ],
  });
  const agent = await registerAgent(service);
  const { claim: first } = await doTask(agent, 'login', { api: { 'code.txt': `${CODE}four\n` } });
  await doTask(agent, 'logout', { api: { 'out.txt': 'out\n' } });
  await doTask(agent, 'reset', { api: { 'reset.txt': 'reset\n' } });
  const [one, two] = [
    await work.untilPhase('one', 'pending_review.open'),
    await work.untilPhase('two', 'pending_review.open'),
  ];
  const reset = await work.untilTask('three', 'reset', 'pending_review');
  const headOf = async (kind: 'phase' | 'task', id: string) =>
    (await work.review(kind, id)).heads['api'] ?? '';
  const heads = {
    one: await headOf('phase', one.id),
    two: await headOf('phase', two.id),
    reset: await headOf('task', reset.id),
  };
  const approve = (kind: 'phase' | 'task', id: string, head: unknown, who = 'reviewer') =>
    work.refusalOf(kind, id, `${kind}.approve`, { heads: { api: head } }, { who });
  return { service, api, work, agent, first, one, two, reset, heads, approve };
}

test('comments on files or lines that do not exist are refused with a code, and nothing changes', async () => {
  const { service, api, work, one, reset } = await inReview();
  const before = await stateOf(service, [api]);
  const places = [
    [{ file: 'none.txt', line: 1 }, 'unknown_file'],
    [{ file: 'out.txt', line: 1 }, 'unknown_file'],
    [{ file: 'reset.txt', side: 'old', line: 0 }, 'unknown_file'],
    [{ file: './code.txt', line: 1 }, 'unknown_file'],
    [{ file: '', line: 1 }, 'invalid_request'],
    [{ file: 'code.txt', line: 5 }, 'unknown_line'],
    [{ file: 'code.txt', side: 'old', line: 4 }, 'unknown_line'],
    [{ file: 'code.txt', startLine: 3, line: 2 }, 'unknown_line'],
    [{ file: 'code.txt', startLine: 0, line: 2 }, 'unknown_line'],
    [{ file: 'code.txt', line: 10_000_001 }, 'invalid_request'],
    [{ file: 'code.txt', line: 1.5 }, 'invalid_request'],
    [{ file: 'code.txt', line: '1' }, 'invalid_request'],
    [{ file: 'code.txt', line: 1, side: 'both' }, 'invalid_request'],
    [{ file: 'code.txt', line: 1, project: 'web' }, 'unknown_project'],
  ] as const;
  for (const [place, code] of places) {
    const comment = { project: 'api', text: 'Why?', ...place };
    const address = `/v1/phases/${one.id}/review/comments`;
    expect(await service.refusal('reviewer', 'POST', address, comment), JSON.stringify(place)).toMatchObject({
      code,
    });
    // Together with a request for changes it is that which is refused, as a whole.
    const good = { project: 'api', text: 'Why?', file: 'code.txt', line: 1 };
    expect(
      await work.refusalOf('phase', one.id, 'phase.requestChanges', {
        summary: 'No.',
        comments: [good, comment],
      }),
    ).toMatchObject({ code: code === 'invalid_request' ? 'invalid_payload' : code });
  }
  expect(
    await work.refusalOf('task', reset.id, 'task.requestChanges', {
      summary: 'No.',
      comments: [{ project: 'api', file: 'out.txt', line: 1, text: 'Of another phase.' }],
    }),
  ).toMatchObject({ code: 'unknown_file' });
  expect(await stateOf(service, [api])).toEqual(before);
});

test('an approval with heads of another phase or task is refused with a code, and nothing changes', async () => {
  const { service, api, work, one, two, reset, heads, approve } = await inReview();
  const before = await stateOf(service, [api]);
  const refused = [
    await approve('phase', one.id, heads.two),
    await approve('phase', two.id, heads.one),
    await approve('phase', one.id, heads.reset),
    await approve('task', reset.id, heads.two),
    await work.refusalOf('phase', one.id, 'phase.approve', { heads: {} }),
    await work.refusalOf('phase', one.id, 'phase.approve', { heads: { api: heads.one, web: heads.one } }),
    await work.refusalOf('phase', one.id, 'phase.approve', { heads: { web: heads.one } }),
  ];
  expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 'heads_not_served'));
  expect(refused[0]).toMatchObject({ details: { differs: ['api'], heads: { api: heads.one } } });
  expect(await stateOf(service, [api])).toEqual(before);
});

test('an approval with heads that are not commits is refused with a code, and nothing changes', async () => {
  const { service, api, one, reset, heads, approve } = await inReview();
  await git(api.hub, ['tag', '--annotate', '--message', 'release', 'v1', heads.one]);
  const objects = {
    blob: await git(api.hub, ['rev-parse', `${heads.one}:code.txt`]),
    tree: await git(api.hub, ['rev-parse', `${heads.one}^{tree}`]),
    tag: await git(api.hub, ['rev-parse', 'v1']),
    unknown: UNKNOWN,
    parent: await git(api.hub, ['rev-parse', `${heads.one}^`]),
    'of SHA-256': 'f'.repeat(64),
    none: null,
  };
  const before = await stateOf(service, [api]);
  for (const [kind, id, head] of [
    ['phase', one.id, heads.one],
    ['task', reset.id, heads.reset],
  ] as const) {
    for (const [name, object] of Object.entries(objects))
      expect(await approve(kind, id, object), name).toMatchObject({ code: 'heads_not_served' });
    for (const text of [
      head.slice(0, 12),
      `${head}0`,
      head.toUpperCase(),
      `${head}\n`,
      ` ${head}`,
      `${head}^{commit}`,
      'v1',
      'HEAD',
      'refs/heads/main',
      '--all',
      '',
      7,
      [head],
      { oid: head },
    ])
      expect(await approve(kind, id, text), JSON.stringify(text)).toMatchObject({ code: 'invalid_payload' });
  }
  expect(await stateOf(service, [api])).toEqual(before);
});

test("an approval by an agent's token, or by its lease, is refused with a code, and nothing changes", async () => {
  const { service, api, one, reset, heads, first, approve } = await inReview();
  const before = await stateOf(service, [api]);
  for (const [kind, id, head] of [
    ['phase', one.id, heads.one],
    ['task', reset.id, heads.reset],
  ] as const) {
    expect(await approve(kind, id, head, 'agent')).toMatchObject({ code: 'forbidden', status: 403 });
    expect(await approve(kind, id, head, 'viewer')).toMatchObject({ code: 'forbidden' });
    expect(await approve(kind, id, head, 'operator')).toMatchObject({ code: 'sender_not_allowed' });
    expect(await approve(kind, id, head, first.git.password)).toMatchObject({ code: 'unauthenticated' });
    expect(await approve(kind, id, head, first.lease.id)).toMatchObject({ code: 'unauthenticated' });
  }
  expect(await stateOf(service, [api])).toEqual(before);
});

test('a diff with names that are not UTF-8 is shown, commented on and briefed with the names as git prints them', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'one', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  const printed = '"caf\\351\\377.txt"';
  await handIn(agent, 'login', 'api', (worktree) =>
    writeFile(
      Buffer.concat([Buffer.from(`${worktree}/caf`), Buffer.from([0xe9, 0xff]), Buffer.from('.txt')]),
      'one\n',
    ),
  );
  const { id } = await work.untilPhase('one', 'pending_review.open');
  const { files } = await readFiles(work, 'phase', id);
  expect(files.map(({ path: name }) => name)).toContain(printed);
  expect(linesOf(await readDiff(work, 'phase', id, { project: 'api', path: printed }))).toEqual(['+one']);

  const address = `/v1/phases/${id}/review/comments`;
  const comment = { project: 'api', line: 1, text: 'Why?' };
  for (const file of ['caf\ufffd\ufffd.txt', 'caféÿ.txt', printed.replaceAll('"', '')])
    expect(await service.refusal('reviewer', 'POST', address, { ...comment, file })).toMatchObject({
      code: 'unknown_file',
    });
  await service.post<CommentThread>('reviewer', address, { ...comment, file: printed });
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Rename it.' });
  const revision = await claim(agent, 'revision-1');
  expect(revision.comments).toMatchObject([{ file: printed, line: 1, excerpt: [{ line: 1, text: 'one' }] }]);
  const lines = await service.call(
    agent.token,
    'POST',
    `/v1/agents/${agent.id}/claim`,
    {},
    {
      headers: { accept: 'text/plain' },
    },
  );
  expect(await lines.text()).toContain(`\nCOMMENT=api ${printed.replaceAll('\\', '\\\\')}:1 Why?\n`);
  await pushFiles(agent, revision, { api: { 'more.txt': 'more\n' } });
  await submit(agent, revision);
  await work.untilPhase('one', 'pending_review.open');
  const { comments } = await service.get<{ comments: PlacedThread[] }>(address);
  expect(comments).toMatchObject([{ place: { file: printed, line: 1, outdated: false } }]);
});

test('a phase has no open review once it is decided: not while it lands, nor completed, nor canceled from review', async () => {
  const { service, work, one, two } = await inReview();
  const refusals = async (id: string) => {
    const answers = ['', '/files', '/diff?project=api&path=out.txt'].map(
      async (what) => (await service.refusal('viewer', 'GET', `/v1/phases/${id}/review${what}`)).code,
    );
    return [...new Set(await Promise.all(answers))];
  };
  await work.tell('phase', one.id, 'phase.cancel');
  await work.untilPhase('one', 'canceled');
  expect(await refusals(one.id)).toEqual(['no_open_review']);

  const landing = service.gates.hold('before-merge');
  await work.approvePhase('two');
  await landing.reached;
  expect(await refusals(two.id)).toEqual(['no_open_review']);
  landing.release();
  await work.untilPhase('two', 'completed');
  expect(await refusals(two.id)).toEqual(['no_open_review']);
});

test('a revision of a canceled phase is refused whatever is asked of it, and nothing changes', async () => {
  const { service, api, work, agent, one, heads } = await inReview();
  const address = `/v1/phases/${one.id}/review/comments`;
  const comment = { project: 'api', file: 'code.txt', line: 1, text: 'Why?' };
  const { id: thread } = await service.post<CommentThread>('reviewer', address, comment);
  const changes = { summary: 'Nearly.', comments: [] };
  await work.tell('phase', one.id, 'phase.requestChanges', changes);
  const revision: Claim = await claim(agent, 'revision-1');
  await pushFiles(agent, revision, { api: { 'code.txt': 'five\n' } });
  await work.tell('phase', one.id, 'phase.cancel');
  await work.untilPhase('one', 'canceled');

  const before = await stateOf(service, [api]);
  const branch = await tipOf(api.hub, `refs/heads/${revision.branch}`);
  const told = [
    await work.refusalOf('phase', one.id, 'phase.requestChanges', changes),
    await work.refusalOf('phase', one.id, 'phase.approve', { heads: { api: heads.one } }),
    await work.refusalOf('phase', one.id, 'phase.recheck'),
    await work.refusalOf('task', revision.task.id, 'task.retry'),
    await work.refusalOf('task', revision.task.id, 'task.requestChanges', changes),
  ];
  expect(told.map(({ code }) => code)).toEqual(told.map(() => 'not_enabled'));
  expect(await service.refusal('reviewer', 'POST', address, comment)).toMatchObject({
    code: 'no_open_review',
  });
  const answers = { answers: [{ comment: thread, outcome: 'fixed', text: 'Done.' }] };
  for (const [what, body] of [
    ['submit', answers],
    ['stop', { reason: 'success', ...answers }],
    ['stop', { reason: 'crashed' }],
    ['fail', {}],
    ['ask', { question: 'Now?' }],
    ['progress', { message: 'half' }],
    ['heartbeat', {}],
  ] as const)
    expect(await reportRefusal(agent, revision, what, body), what).toMatchObject({ code: 'lease_over' });
  expect(await claimOrNull(agent)).toBeNull();
  expect(await stateOf(service, [api])).toEqual(before);

  await pushFiles(agent, revision, { api: { 'late.txt': 'late\n' } }).catch(() => 'refused, or kept aside');
  expect(await tipOf(api.hub, `refs/heads/${revision.branch}`)).toBe(branch);
  // What was said of it can be read for ever.
  expect(await service.get<{ comments: PlacedThread[] }>(address)).toMatchObject({
    comments: [{ id: thread, state: 'open', place: null }],
  });
});
