import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createBoard, emptyBoard } from '../../src/board/board.ts';
import { boardView } from '../../src/board/board-view.ts';
import { render } from '../../src/demo/render.ts';
import type { AgentView, Claim } from '../../src/services/shapes/agent.ts';
import type { CommentThread } from '../../src/services/shapes/comment.ts';
import type { PlanApplied } from '../../src/services/shapes/plan.ts';
import { cloneOf, push } from '../support/agent.ts';
import { commitIn } from '../support/remote.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { textFields, textsIn } from '../support/text-fields.ts';
import { until } from '../support/until.ts';
import { addProject, Work } from '../support/work.ts';

// Two dozen requests one after the other, and every page that has text: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 180_000 });

/** Markup, a window title, colors, and the one-byte form of what begins an escape. */
const hostile = (name: string) =>
  `<img src=x onerror="alert('${name}')">\u001b]0;${name}\u0007\u001b[31m\u009b2J&amp; $(${name})`;

/** A file with markup and an escape in its name, and how git prints that name. */
const FILE = { name: '<b>\u001b[31mred', printed: '"<b>\\033[31mred"' };

const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

/** Keys, addresses and branches are no text: what is wrong with them is refused, each under a code of its own. */
const REFUSED = { key: 'invalid_key', remote: 'invalid_remote_url', defaultBranch: 'invalid_branch_name' };

/** Posts, and remembers which field of which body had which text. */
function speaker(service: TestService) {
  const said = new Map<string, string>();
  const post = <T>(who: string, address: string, body: object): Promise<T> => {
    for (const [field, text] of textsIn(address, body)) said.set(field, text);
    return service.post<T>(who, address, body);
  };
  const tell = (who: string, kind: string, id: string, type: string, payload: object = {}) =>
    post(who, `/v1/${kind}s/${id}/events`, { type, ...payload });
  return { said, post, tell };
}

/** The bodies of everything that can be read of the initiative, and of who works on it. */
async function read({ service, id }: Work): Promise<Response[]> {
  const { phases } = await service.get<{ phases: { id: string; tasks: { id: string }[] }[] }>(
    `/v1/initiatives/${id}`,
  );
  const units = [
    ['initiatives', id],
    ...phases.map((phase) => ['phases', phase.id]),
    ...phases.flatMap(({ tasks }) => tasks.map((task) => ['tasks', task.id])),
  ];
  const addresses = units.flatMap(([kind, unit]) => [
    `/v1/${kind}/${unit}`,
    `/v1/${kind}/${unit}/explain`,
    `/v1/${kind}/${unit}/journal?limit=500`,
    `/v1/${kind}/${unit}/review/comments`,
  ]);
  const all = ['/v1/tokens', '/v1/agents', '/v1/journal?limit=500', ...addresses];
  const answers: Response[] = [];
  // A few at a time: each takes its share of a small pool of connections.
  for (let at = 0; at < all.length; at += 4) {
    const some = all.slice(at, at + 4).map((address) => service.call('admin', 'GET', address));
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

/** Every string in an answer. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

test('markup and escapes in every text field of every POST come back as the same JSON string, and reach no line, terminal, page or log', async () => {
  const service = await startTestService();
  await addProject(service, 'api');
  const { said, post, tell } = speaker(service);
  for (const [field, code] of Object.entries(REFUSED)) {
    const project = { key: 'other', remote: 'https://git.example/x.git', [field]: hostile(field) };
    expect(await service.refusal('operator', 'POST', '/v1/projects', project)).toMatchObject({ code });
  }

  await post('admin', '/v1/tokens', { name: hostile('token'), scope: 'viewer' });
  const { id: agent } = await post<AgentView>('agent', '/v1/agents', { name: hostile('agent') });
  const described = (name: string) => ({
    title: hostile(`${name} title`),
    description: hostile(`${name} description`),
  });
  const plan = {
    key: 'goal',
    ...described('goal'),
    mode: 'review_per_phase',
    projects: [{ key: 'api' }],
    phases: [
      {
        key: 'build',
        ...described('build'),
        tasks: [{ key: 'login', ...described('login'), needsReview: true }],
      },
    ],
  };
  expect(await post('operator', '/v1/plans/validate', plan)).toMatchObject({ valid: true });
  const work = new Work(service, await post<PlanApplied>('operator', '/v1/plans', plan));
  const early: unknown[] = [await work.tree()];
  const [build, login] = [await work.phase('build'), await work.task('build', 'login')];

  await tell('operator', 'initiative', work.id, 'initiative.rename', { title: hostile('goal renamed') });
  await tell('operator', 'phase', build.id, 'phase.rename', { title: hostile('build renamed') });
  await tell('operator', 'task', login.id, 'task.rename', { title: hostile('login renamed') });
  await tell('operator', 'phase', build.id, 'phase.addTask', { key: 'extra', ...described('extra') });
  await tell('operator', 'task', (await work.task('build', 'extra')).id, 'task.cancel');
  const more = { key: 'more', ...described('more'), draft: true };
  await tell('operator', 'initiative', work.id, 'initiative.addPhase', {
    ...more,
    tasks: [{ key: 'most', ...described('most') }],
  });
  await tell('operator', 'task', (await work.untilTask('more', 'most', 'blocked')).id, 'task.split', {
    into: ['one', 'two'].map((key) => ({ key, ...described(key) })),
  });
  await work.untilTask('more', 'most', 'canceled');
  await tell('operator', 'phase', (await work.phase('more')).id, 'phase.cancel');
  await work.untilPhase('more', 'canceled');

  const lines: string[] = [];
  const claimed: Claim[] = [];
  const claim = async (): Promise<Claim> => {
    const taken = await until('a task to claim', () =>
      service.post<Claim | null>('agent', `/v1/agents/${agent}/claim`, { waitSeconds: 10 }),
    );
    const headers = { accept: 'text/plain' };
    const answer = await service.call('agent', 'POST', `/v1/agents/${agent}/claim`, {}, { headers });
    lines.push(...(await answer.text()).trimEnd().split('\n'));
    claimed.push(taken);
    return taken;
  };
  const report = (taken: Claim, what: string, body: object = {}) =>
    post('agent', `/v1/agents/${agent}/${what}`, { lease: taken.lease.id, ...body });

  await report(await claim(), 'fail', { message: hostile('failure') });
  const second = await claim();
  await report(second, 'ask', { question: hostile('question') });
  await tell('operator', 'task', login.id, 'task.answer', { answer: hostile('answer') });
  await report(second, 'progress', { message: hostile('progress') });
  early.push(await work.explain('task', login.id));
  const worktree = await cloneOf({ id: agent, token: service.token('agent'), service }, second);
  await writeFile(path.join(worktree, FILE.name), 'one\ntwo\n');
  await commitIn(worktree, {}, hostile('commit'));
  await push(second, worktree);
  await report(second, 'submit');

  const comment = (name: string, line: number) => ({
    project: 'api',
    file: FILE.printed,
    line,
    text: hostile(name),
  });
  /** One comment beforehand, and one with the request; the agent answers one of them, and says something about the other. */
  const requestChanges = async (kind: 'initiative' | 'phase' | 'task', id: string) => {
    const address = `/v1/${kind}s/${id}/review/comments`;
    const thread = await post<CommentThread>('reviewer', address, comment(`${kind} comment`, 1));
    await tell('reviewer', kind, id, `${kind}.requestChanges`, {
      summary: hostile(`${kind} summary`),
      comments: [comment(`${kind} request`, 2)],
    });
    return thread;
  };
  const handedIn = (what: string, thread: CommentThread) => ({
    summary: hostile(`${what} summary`),
    noChanges: hostile(`${what} noChanges`),
    oneSided: hostile(`${what} oneSided`),
    fixedAll: hostile(`${what} fixedAll`),
    answers: [{ comment: thread.id, outcome: 'fixed', text: hostile(`${what} answer`) }],
  });
  await work.untilTask('build', 'login', 'pending_review');
  const onTask = await requestChanges('task', login.id);
  await report(await claim(), 'submit', handedIn('submit', onTask));
  await work.untilTask('build', 'login', 'pending_review');
  await tell('reviewer', 'task', login.id, 'task.approve', {
    heads: (await work.review('task', login.id)).heads,
  });
  await work.untilPhase('build', 'pending_review.open');
  const onPhase = await requestChanges('phase', build.id);
  await report(await claim(), 'stop', { reason: 'success', ...handedIn('stop', onPhase) });
  await post('reviewer', `/v1/review/comments/${onPhase.id}/replies`, { text: hostile('reply') });
  const state = { state: 'dismissed', text: hostile('state') };
  await post('reviewer', `/v1/review/comments/${onPhase.id}/state`, state);
  await work.approvePhase('build');
  await work.untilState('pending_review.open');
  await requestChanges('initiative', work.id);
  await work.untilTask('revision-1', 'requested-changes', 'queued');

  // Whatever text the reference offers was said once.
  const offered = textFields(await service.get('/v1/openapi.json'));
  const refused = Object.keys(REFUSED).map((field) => `POST /v1/projects ${field}`);
  expect([...said.keys(), ...refused].toSorted()).toEqual(offered.toSorted());

  const shown = stringsIn([early, claimed]);
  for (const answer of await read(work)) {
    expect(answer.status, answer.url).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await answer.text();
    expect(text).not.toMatch(/[\u0000-\u001f]/);
    shown.push(...stringsIn(JSON.parse(text)));
  }
  // As it is, or within a sentence.
  expect([...said].filter(([, text]) => !shown.some((found) => found.includes(text)))).toEqual([]);

  for (const line of lines) {
    expect(line).toMatch(/^[A-Z_]+=/);
    expect(line).not.toMatch(CONTROLS);
  }
  expect(lines.filter((line) => line.startsWith('COMMENT='))).not.toEqual([]);
  const page = await service.call('viewer', 'GET', '/v1/reference/');
  for (const text of [await page.text(), service.log.join('\n')]) expect(text).not.toContain('onerror=');
  expect(service.log.join('')).not.toMatch(CONTROLS);

  const board = createBoard(emptyBoard(work.id));
  board.trigger.named({ tree: await work.tree() });
  board.trigger.fed(await service.get('/v1/journal?limit=500'));
  const terminal = render([boardView(board.getSnapshot().context)], {
    columns: 200,
    rows: 50,
    elapsedMs: 0,
    notes: [hostile('note')],
    agentName: () => hostile('agent'),
    paint: (_color, text) => text,
  });
  expect(terminal.join('\n')).toContain('login');
  for (const line of terminal) expect(line).not.toMatch(CONTROLS);
});
