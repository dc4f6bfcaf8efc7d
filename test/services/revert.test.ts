import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { filesAt, git, isContained, tipOf } from '../support/git.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type InitiativePlan, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
type Strategy = 'push_branch' | 'merge_and_push';

/** A hook at the remote that refuses pushes for as long as it is there. */
async function refusePushes({ remote }: TestProject, only = ''): Promise<() => Promise<void>> {
  const hook = path.join(remote.dir, 'hooks', 'pre-receive');
  await mkdir(path.dirname(hook), { recursive: true });
  await writeFile(hook, `#!/bin/sh\n${only}echo "not today" >&2\nexit 1\n`);
  await chmod(hook, 0o755);
  return () => rm(hook);
}

interface Partial {
  service: TestService;
  api: TestProject;
  web: TestProject;
  work: Work;
  /** The tip of api's default branch before anything was delivered. */
  base: string;
  allow: () => Promise<void>;
  revert: () => Promise<unknown>;
}

/** `api` has got its work, and `web` refuses it. */
async function partiallyDelivered(
  strategy: Strategy,
  files: Readonly<Record<string, string>> = { 'login.ts': 'in\n' },
): Promise<Partial> {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api', { 'shared.txt': 'one\ntwo\nthree\n' }),
    await addProject(service, 'web'),
  ];
  const projects: InitiativePlan['projects'] = [
    { project: api, strategy },
    { project: web, strategy: 'merge_and_push' },
  ];
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects,
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  await doTask(await registerAgent(service), 'login', { api: files, web: { 'form.ts': 'form\n' } });
  await work.untilState('pending_review.open');
  const base = (await api.remote.tip()) ?? '';
  const allow = await refusePushes(web);
  await work.approve();
  await work.untilState('partially_delivered');
  const revert = () => work.tell('initiative', work.id, 'initiative.revertDelivery');
  return { service, api, web, work, base, allow, revert };
}

const namesAt = async (dir: string, ref: string) => Object.keys(await filesAt(dir, ref)).toSorted();

const untilFailure = (work: Work, code: string, said = '') =>
  until(`the failure ${code}`, async () => {
    const tree = await work.tree();
    return tree.failure?.code === code && tree.failure.message.includes(said) ? tree : null;
  });

const deliveries = async (work: Work) =>
  (await work.tree()).projects.map(({ key, delivery }) => [key, delivery?.state, delivery?.code]);

test('a partial delivery is taken back by a commit on the default branch, reviewed again, and delivered whole', async () => {
  const { api, web, work, base, allow, revert } = await partiallyDelivered('merge_and_push');
  const delivered = (await api.remote.tip()) ?? '';

  await revert();

  const back = await work.untilState('pending_review.open');
  expect(back.failure).toBeNull();
  const tip = (await api.remote.tip()) ?? '';
  // Nothing is rewritten: what was delivered is in the history, and its files are not on the branch.
  expect(await git(api.remote.dir, ['rev-parse', 'main^'])).toBe(delivered);
  expect(await git(api.remote.dir, ['diff', '--stat', base, tip])).toBe('');
  expect(await git(api.remote.dir, ['log', '-1', '--format=%s', tip])).toBe('Revert initiative goal');
  expect(await deliveries(work)).toEqual([
    ['api', 'reverted', null],
    ['web', 'refused', 'remote_refused'],
  ]);
  const changed = await work.service.get<{ files: { path: string }[] }>(
    `/v1/initiatives/${work.id}/review/files`,
  );
  expect(changed.files.map((file) => file.path)).toEqual(['login.ts', 'form.ts']);

  await allow();
  await work.approve();
  await work.untilState('completed');
  for (const [project, file] of [
    [api, 'login.ts'],
    [web, 'form.ts'],
  ] as const)
    expect(await namesAt(project.remote.dir, 'refs/heads/main')).toContain(file);
  expect(await isContained(api.remote.dir, delivered, 'refs/heads/main')).toBe(true);
});

test('what others have committed on top of a delivery stays when it is taken back', async () => {
  const { api, work, allow, revert } = await partiallyDelivered('merge_and_push');
  const theirs = await api.remote.commit({ 'theirs.txt': 'theirs\n' });

  await revert();
  await work.untilState('pending_review.open');

  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['shared.txt', 'theirs.txt']);
  expect(await isContained(api.remote.dir, theirs, 'refs/heads/main')).toBe(true);
  await allow();
  await work.approve();
  await work.untilState('completed');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['login.ts', 'shared.txt', 'theirs.txt']);
});

test('a sync after a delivery was taken back does not take the work from the initiative', async () => {
  const { api, work, allow, revert } = await partiallyDelivered('merge_and_push');
  await revert();
  await work.untilState('pending_review.open');
  await api.remote.commit({ 'news.txt': 'n\n' });

  await work.tell('initiative', work.id, 'initiative.sync');
  await work.untilState('pending_review.open');

  expect(await namesAt(api.hub, INITIATIVE)).toEqual(['login.ts', 'news.txt', 'shared.txt']);
  await allow();
  await work.approve();
  await work.untilState('completed');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['login.ts', 'news.txt', 'shared.txt']);
});

test('a delivery whose lines were changed since is not taken back by half, and can be resumed', async () => {
  const { api, web, work, allow, revert } = await partiallyDelivered('merge_and_push', {
    'shared.txt': 'one\nours\nthree\n',
  });
  const theirs = await api.remote.commit({ 'shared.txt': 'one\nours, and theirs\nthree\n' });
  const initiative = await tipOf(api.hub, INITIATIVE);

  await revert();

  const stuck = await untilFailure(work, 'revert_conflicts');
  expect(stuck.state).toBe('partially_delivered');
  expect(await deliveries(work)).toEqual([
    ['api', 'revert_refused', 'revert_conflicts'],
    ['web', 'refused', 'remote_refused'],
  ]);
  expect([await api.remote.tip(), await tipOf(api.hub, INITIATIVE)]).toEqual([theirs, initiative]);
  await allow();
  await work.tell('initiative', work.id, 'initiative.resumeDelivery');
  await work.untilState('completed');
  expect(await namesAt(web.remote.dir, 'refs/heads/main')).toContain('form.ts');
});

test('a branch of ours that was delivered is deleted, and delivered again later', async () => {
  const { api, work, allow, revert } = await partiallyDelivered('push_branch');
  const delivered = await api.remote.tip('signalbox/goal');
  expect(delivered).not.toBeNull();

  await revert();
  await work.untilState('pending_review.open');

  expect(await api.remote.tip('signalbox/goal')).toBeNull();
  expect(await deliveries(work)).toEqual([
    ['api', 'reverted', null],
    ['web', 'refused', 'remote_refused'],
  ]);
  await allow();
  await work.approve();
  await work.untilState('completed');
  expect(await api.remote.tip('signalbox/goal')).toBe(delivered);
});

test.each([
  ['remote_branch_diverged', 'has commits of others on it', 'signalbox/goal'],
  ['remote_branch_merged', 'was merged there', 'main'],
] as const)('a branch of ours is not deleted with %s when it %s', async (code, _, branch) => {
  const { api, work, revert } = await partiallyDelivered('push_branch');
  if (branch === 'main')
    await git(api.remote.dir, ['update-ref', 'refs/heads/main', 'refs/heads/signalbox/goal']);
  else await api.remote.commit({ 'theirs.txt': 'theirs\n' }, branch);
  const tip = await api.remote.tip('signalbox/goal');

  await revert();

  await untilFailure(work, code);
  expect((await work.tree()).state).toBe('partially_delivered');
  expect(await api.remote.tip('signalbox/goal')).toBe(tip);
});

test('a remote that refuses to have it taken back is named with its words, and nothing is said to be taken back', async () => {
  const { api, work, revert } = await partiallyDelivered('push_branch');
  await git(api.remote.dir, ['config', 'receive.denyDeletes', 'true']);
  const tip = await api.remote.tip('signalbox/goal');

  await revert();

  const refused = await untilFailure(work, 'revert_refused');
  expect(refused).toMatchObject({ state: 'partially_delivered' });
  expect(refused.failure?.message).toMatch(/^api: remote_refused/);
  expect(await api.remote.tip('signalbox/goal')).toBe(tip);
});

test('a remote that moves while a delivery is taken back is planned anew, and keeps what was pushed meanwhile', async () => {
  const { service, api, work, allow, revert } = await partiallyDelivered('merge_and_push');
  const before = service.gates.hold('before-push');

  await revert();
  await before.reached;
  const theirs = await api.remote.commit({ 'theirs.txt': 'theirs\n' });
  before.release();

  await work.untilState('pending_review.open');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['shared.txt', 'theirs.txt']);
  expect(await isContained(api.remote.dir, theirs, 'refs/heads/main')).toBe(true);
  await allow();
  await work.approve();
  await work.untilState('completed');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['login.ts', 'shared.txt', 'theirs.txt']);
});

test('a delivery that was taken back twice is delivered the third time', async () => {
  const { api, web, work, allow, revert } = await partiallyDelivered('merge_and_push');
  await revert();
  await work.untilState('pending_review.open');
  await work.approve();
  await work.untilState('partially_delivered');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toContain('login.ts');

  await revert();
  await work.untilState('pending_review.open');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['shared.txt']);

  await allow();
  await work.approve();
  await work.untilState('completed');
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toEqual(['login.ts', 'shared.txt']);
  expect(await namesAt(web.remote.dir, 'refs/heads/main')).toContain('form.ts');
});

test('a cancel while a delivery is taken back waits for it, and what was delivered is gone', async () => {
  const { service, api, work, base, revert } = await partiallyDelivered('merge_and_push');
  const before = service.gates.hold('before-push');
  await revert();
  await before.reached;

  await work.tell('initiative', work.id, 'initiative.cancel');
  before.release();

  await work.untilState('canceled');
  expect(await git(api.remote.dir, ['diff', '--stat', base, 'main'])).toBe('');
});

test('what a remote took before it could not be read any more is taken back too, when a cancel after a sync asks for it', async () => {
  const { api, web, work, base, allow, revert } = await partiallyDelivered('merge_and_push');
  const webBase = (await web.remote.tip()) ?? '';
  await allow();
  const [head, away] = [path.join(web.remote.dir, 'HEAD'), path.join(web.remote.dir, 'HEAD.away')];
  const hook = path.join(web.remote.dir, 'hooks', 'post-receive');
  await writeFile(hook, `#!/bin/sh\nmv HEAD HEAD.away\n`, { mode: 0o755 });
  await work.tell('initiative', work.id, 'initiative.resumeDelivery');
  const failed = await untilFailure(work, 'partially_delivered', 'remote_not_a_repository');
  expect(failed.state).toBe('partially_delivered');
  await rename(away, head);
  await rm(hook);
  expect(await web.remote.tip()).not.toBe(webBase);

  await work.tell('initiative', work.id, 'initiative.sync');
  await work.untilState('pending_review.open');
  await work.tell('initiative', work.id, 'initiative.cancel');
  await work.untilState('partially_delivered');
  await revert();
  await work.untilState('canceled');

  expect(await git(api.remote.dir, ['diff', '--stat', base, 'main'])).toBe('');
  expect(await git(web.remote.dir, ['diff', '--stat', webBase, 'main'])).toBe('');
});

test('of what two strategies have brought, the newer is taken back first, and a branch that went into it is left to a person', async () => {
  const { api, work, base, revert } = await partiallyDelivered('push_branch');
  // A sync leads back to the review, where the approval may change how it is delivered.
  await work.tell('initiative', work.id, 'initiative.sync');
  await work.untilState('pending_review.open');
  await work.approve({ api: 'merge_and_push' });
  await work.untilState('partially_delivered');
  expect(await api.remote.tip('signalbox/goal')).not.toBeNull();
  expect(await namesAt(api.remote.dir, 'refs/heads/main')).toContain('login.ts');

  await revert();

  const refused = await untilFailure(work, 'remote_branch_merged');
  expect(refused.state).toBe('partially_delivered');
  // The branch was merged by the second delivery; once that is taken back, whoever looks decides about the branch.
  expect(await git(api.remote.dir, ['diff', '--stat', base, 'main'])).toBe('');
});
