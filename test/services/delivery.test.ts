import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import { doTask, registerAgent } from '../support/agent.ts';
import { filesAt, git, isContained } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type InitiativePlan, type TestProject, type Work } from '../support/work.ts';

/** An initiative of one task over these projects, in review. */
async function inReview(
  service: TestService,
  projects: InitiativePlan['projects'],
  files: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<{ work: Work; heads: Record<string, string> }> {
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects,
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const { heads } = await doTask(await registerAgent(service), 'login', files);
  await work.untilState('pending_review.open');
  return { work, heads };
}

/** A hook at the remote that refuses every push. */
async function refusePushes(project: TestProject): Promise<() => Promise<void>> {
  const hook = path.join(project.remote.dir, 'hooks', 'pre-receive');
  await mkdir(path.dirname(hook), { recursive: true });
  await writeFile(hook, '#!/bin/sh\necho "no pushes on Sundays" >&2\nexit 1\n');
  await chmod(hook, 0o755);
  return () => rm(hook);
}

test('a default branch that conflicts stops the delivery before anything is pushed anywhere', async () => {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api'),
    await addProject(service, 'web', { 'shared.txt': 'base\n' }),
  ];
  const { work } = await inReview(
    service,
    [
      { project: api, strategy: 'merge_and_push' },
      { project: web, strategy: 'merge_and_push' },
    ],
    { api: { 'a.ts': 'a\n' }, web: { 'shared.txt': 'ours\n' } },
  );
  const theirs = await web.remote.commit({ 'shared.txt': 'theirs\n' });
  const before = await api.remote.tip();

  await work.approve();

  await work.untilPhase('merge-2', 'in_progress');
  const stopped = await work.tree();
  expect(stopped.failure).toMatchObject({ code: 'conflict', message: expect.stringContaining('web') });
  expect(stopped.projects.map(({ key, delivery }) => [key, delivery?.state, delivery?.code])).toEqual([
    ['api', 'prepared', null],
    ['web', 'refused', 'conflict'],
  ]);
  expect([await api.remote.tip(), await web.remote.tip()]).toEqual([before, theirs]);
});

test('a remote that refuses is said so with its own words, nothing is pushed elsewhere twice, and the delivery is taken up again', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const { work, heads } = await inReview(service, [api, web], {
    api: { 'a.ts': 'a\n' },
    web: { 'w.ts': 'w\n' },
  });
  const allow = await refusePushes(web);

  await work.approve();

  const partial = await work.untilState('partially_delivered');
  expect(partial.failure).toMatchObject({
    code: 'partially_delivered',
    message: expect.stringContaining('web'),
  });
  expect(partial.projects.map(({ key, delivery }) => [key, delivery?.state, delivery?.code])).toEqual([
    ['api', 'delivered', null],
    ['web', 'refused', 'remote_refused'],
  ]);
  expect(partial.projects[1]?.delivery?.message).toContain('pre-receive hook declined');
  const delivered = await api.remote.tip('signalbox/goal');
  await allow();
  await work.tell('initiative', work.id, 'initiative.resumeDelivery');
  await work.untilState('completed');
  expect(await api.remote.tip('signalbox/goal')).toBe(delivered);
  expect(await isContained(web.remote.dir, heads['web'] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
});

test('a branch that is checked out at the remote is known from the refusal of git, and push_branch delivers instead', async () => {
  const service = await startTestService();
  // Not checked out when it was added: another branch was.
  const dir = path.join(service.folder, 'laptop');
  await mkdir(dir);
  await git(dir, ['init', '--quiet', '--initial-branch=main']);
  await commitIn(dir, { 'a.txt': 'a\n' });
  await git(dir, ['checkout', '--quiet', '-b', 'mine']);
  await service.post<ProjectView>('operator', '/v1/projects', {
    key: 'laptop',
    remote: dir,
    defaultBranch: 'main',
  });
  const laptop = { key: 'laptop' } as TestProject;
  const { work, heads } = await inReview(service, [{ project: laptop, strategy: 'merge_and_push' }], {
    laptop: { 'b.txt': 'b\n' },
  });
  await git(dir, ['checkout', '--quiet', 'main']);
  const before = await git(dir, ['rev-parse', 'main']);

  await work.approve();

  const failed = await work.untilState('delivery_failed');
  expect(failed.failure?.code).toBe('remote_branch_checked_out');
  expect(failed.projects[0]?.delivery).toMatchObject({ state: 'refused', code: 'remote_branch_checked_out' });
  expect(await git(dir, ['rev-parse', 'main'])).toBe(before);
  expect((await service.get<ProjectView>('/v1/projects/laptop')).strategies[1]).toMatchObject({
    offered: false,
    code: 'remote_branch_checked_out',
  });

  await work.tell('initiative', work.id, 'initiative.recheck');
  await work.untilState('pending_review.open');
  const review = await work.review('initiative', work.id);
  expect(
    await work.refusalOf('initiative', work.id, 'initiative.approve', {
      heads: review.heads,
      strategies: { laptop: 'merge_and_push' },
    }),
  ).toMatchObject({ code: 'remote_branch_checked_out' });
  expect(
    await work.refusalOf('initiative', work.id, 'initiative.approve', {
      heads: review.heads,
      strategies: { nobody: 'push_branch' },
    }),
  ).toMatchObject({ code: 'unknown_project' });
  await work.approve({ laptop: 'push_branch' });
  await work.untilState('completed');
  expect(await isContained(dir, heads['laptop'] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
  expect(await git(dir, ['rev-parse', 'main'])).toBe(before);
});

test('a remote that is no repository any more fails the delivery, and a retry delivers when it is back', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const { work, heads } = await inReview(service, [{ project: api, strategy: 'merge_and_push' }], {
    api: { 'a.ts': 'a\n' },
  });
  await rename(api.remote.dir, `${api.remote.dir}.away`);

  await work.approve();

  const failed = await work.untilState('delivery_failed');
  expect(failed.failure?.code).toBe('remote_not_a_repository');
  expect(failed.projects[0]?.delivery).toMatchObject({ state: 'refused', code: 'remote_not_a_repository' });
  await rename(`${api.remote.dir}.away`, api.remote.dir);
  await work.tell('initiative', work.id, 'initiative.retry');
  await work.untilState('completed');
  expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/main')).toBe(true);
});

test('an initiative without any change delivers nothing and completes', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const { work } = await inReview(service, [{ project: api, strategy: 'merge_and_push' }], {});
  const before = await filesAt(api.remote.dir, 'refs/heads/main');

  await work.approve();

  await work.untilState('completed');
  expect(await filesAt(api.remote.dir, 'refs/heads/main')).toEqual(before);
  expect(await api.remote.tip('signalbox/goal')).toBeNull();
});

test('a delivery whose process died once too often is partially delivered, and a resume brings the rest', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const { work, heads } = await inReview(service, [api, web], {
    api: { 'a.ts': 'a\n' },
    web: { 'w.ts': 'w\n' },
  });
  const between = service.gates.hold('between-pushes');
  await work.approve();
  await between.reached;

  // As ten processes that died of it, the last one just now, leave the effect.
  const died = `UPDATE effect SET failures = 10, lease_until = db_now() - interval '1 second' WHERE kind = 'initiative.deliver'`;
  const stuck = await until('the delivery to be given up', async () => {
    await service.database.sql.query(died);
    const tree = await work.tree();
    return tree.tags.includes('needs_you') ? tree : null;
  });
  between.release();

  expect([stuck.state, stuck.failure?.code]).toEqual(['partially_delivered', 'partially_delivered']);
  expect(stuck.projects.map(({ delivery }) => delivery?.state)).toEqual(['delivered', 'prepared']);
  await work.tell('initiative', work.id, 'initiative.resumeDelivery');
  const done = await work.untilState('completed');
  expect(done.projects.map(({ delivery }) => delivery?.state)).toEqual(['delivered', 'delivered']);
  for (const { key, remote } of [api, web])
    expect(await isContained(remote.dir, heads[key] ?? '', 'refs/heads/signalbox/goal')).toBe(true);
});

test('a delivery says with its own code why nothing was delivered', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const { work } = await inReview(
    service,
    [
      { project: api, strategy: 'merge_and_push' },
      { project: web, strategy: 'push_branch' },
    ],
    { api: { 'a.ts': 'a\n' }, web: { 'w.ts': 'w\n' } },
  );
  const before = await api.remote.tip();
  const unrelated = await git(api.remote.dir, ['commit-tree', '-m', 'new', `${before ?? ''}^{tree}`]);
  await git(api.remote.dir, ['update-ref', 'refs/heads/main', unrelated]);

  await work.approve();

  const failed = await work.untilState('delivery_failed');
  expect(failed.failure).toMatchObject({ code: 'unrelated', message: expect.stringContaining('api') });
  expect(failed.projects.map(({ delivery }) => delivery?.code)).toEqual(['unrelated', null]);

  // Two remotes that refuse for different reasons have no code in common.
  await git(web.remote.dir, ['update-ref', 'refs/heads/signalbox', 'refs/heads/main']);
  await git(api.remote.dir, ['update-ref', '-d', 'refs/heads/main']);
  await work.tell('initiative', work.id, 'initiative.retry');
  const refused = await until('the second delivery to fail', async () => {
    const { failure, projects } = await work.tree();
    return failure?.code === 'refused' ? projects : null;
  });
  expect(refused.map(({ delivery }) => delivery?.code)).toEqual([
    'default_branch_missing',
    'remote_branch_blocked',
  ]);
});
