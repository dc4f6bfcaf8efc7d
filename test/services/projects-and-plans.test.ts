import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PlanFault, PlanReport } from '../../src/services/shapes/plan.ts';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import { git, tipOf } from '../support/git.ts';
import { commitIn, makeRemote } from '../support/remote.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, planDocument } from '../support/work.ts';

const NOBODY = '00000000-0000-4000-8000-00000000dead';

/** A person's own checkout: not bare, its branch checked out. */
async function checkout(
  service: TestService,
  name: string,
  files: Readonly<Record<string, string>> = { 'a.txt': 'a\n' },
): Promise<string> {
  const dir = path.join(service.folder, 'remotes', name);
  await mkdir(dir, { recursive: true });
  await git(dir, ['init', '--quiet', '--initial-branch=main']);
  await commitIn(dir, files);
  return dir;
}

describe('a project', () => {
  test('that can not be one is refused with the code of what is wrong, and nothing is left of it', async () => {
    const service = await startTestService();
    const remotes = path.join(service.folder, 'remotes');
    const good = await makeRemote(remotes, 'good');
    const empty = path.join(remotes, 'empty.git');
    await git(remotes, ['init', '--quiet', '--bare', empty]);
    const shallow = path.join(remotes, 'shallow');
    await commitIn(await checkout(service, 'whole', { a: 'a' }), { b: 'b' });
    await git(remotes, ['clone', '--quiet', '--depth', '1', `file://${remotes}/whole`, shallow]);
    const lfs = await checkout(service, 'lfs', {
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'a.bin': 'version https://git-lfs.github.com/spec/v1\n',
    });
    const submodules = await checkout(service, 'submodules', {
      '.gitmodules': '[submodule "x"]\n  path = x\n  url = ../x\n',
    });
    await git(submodules, ['update-index', '--add', '--cacheinfo', `160000,${await good.tip()},x`]);
    await git(submodules, ['commit', '--quiet', '-m', 'A submodule']);

    const refused: [body: object, code: string][] = [
      [{ key: 'x', remote: remotes }, 'remote_not_a_repository'],
      [{ key: 'x', remote: path.join(remotes, 'nothing-here') }, 'remote_not_a_repository'],
      [{ key: 'x', remote: empty }, 'repository_has_no_commits'],
      [{ key: 'x', remote: shallow }, 'repository_is_shallow'],
      [{ key: 'x', remote: `file://${shallow}` }, 'repository_is_shallow'],
      [{ key: 'x', remote: good.dir, defaultBranch: 'trunk' }, 'default_branch_missing'],
      [{ key: 'x', remote: good.dir, defaultBranch: '../main' }, 'invalid_branch_name'],
      [{ key: 'x', remote: good.dir, defaultBranch: '--upload-pack=x' }, 'invalid_branch_name'],
      [{ key: '../x', remote: good.dir }, 'invalid_key'],
      [{ key: '--upload-pack=x', remote: good.dir }, 'invalid_key'],
      [{ key: 'x', remote: '--upload-pack=touch /tmp/x' }, 'invalid_remote_url'],
      [{ key: 'x', remote: 'ext::sh -c touch% /tmp/x' }, 'remote_scheme_not_allowed'],
      [{ key: 'x', remote: 'relative/path' }, 'invalid_remote_url'],
      [{ key: 'x', remote: 'https://me:secret@git.example/x.git' }, 'remote_url_has_credentials'],
      [{ key: 'x', remote: lfs }, 'repository_uses_lfs'],
      [{ key: 'x', remote: submodules }, 'repository_uses_submodules'],
      [{ key: 'x', remote: 'http://127.0.0.1:9/x.git' }, 'remote_unreachable'],
    ];
    for (const [body, code] of refused) {
      expect(
        await service.refusal('operator', 'POST', '/v1/projects', body),
        JSON.stringify(body),
      ).toMatchObject({ code });
    }

    expect(await service.get('/v1/projects')).toEqual({ projects: [] });
    expect(await service.refusal('viewer', 'GET', '/v1/projects/x')).toMatchObject({
      code: 'unknown_project',
      status: 404,
    });
    await service.post('operator', '/v1/projects', { key: 'x', remote: good.dir });
    expect(
      await service.refusal('operator', 'POST', '/v1/projects', { key: 'x', remote: good.dir }),
    ).toMatchObject({ code: 'key_taken' });
  });

  test('whose branch is checked out at the remote is offered push_branch only, and a plan that wants more is refused', async () => {
    const service = await startTestService();
    const dir = await checkout(service, 'laptop');
    const project = await service.post<ProjectView>('operator', '/v1/projects', {
      key: 'laptop',
      remote: dir,
    });
    expect(project.strategies).toEqual([
      expect.objectContaining({ strategy: 'push_branch', offered: true }),
      expect.objectContaining({
        strategy: 'merge_and_push',
        offered: false,
        code: 'remote_branch_checked_out',
      }),
    ]);

    const plan = { key: 'goal', title: 'Goal', phases: [{ key: 'build', title: 'Build' }] };
    const refused = await service.refusal('operator', 'POST', '/v1/plans', {
      ...plan,
      projects: [{ key: 'laptop', strategy: 'merge_and_push' }],
    });
    expect(refused).toMatchObject({
      code: 'invalid_plan',
      details: { faults: [{ path: 'projects[0].strategy', code: 'remote_branch_checked_out' }] },
    });
    await service.post('operator', '/v1/plans', {
      ...plan,
      projects: [{ key: 'laptop', strategy: 'push_branch' }],
    });
  });

  test('is offered merge_and_push again once another branch is checked out there', async () => {
    const service = await startTestService();
    const [one, two] = [await checkout(service, 'one'), await checkout(service, 'two')];
    for (const dir of [one, two]) {
      const added = { key: path.basename(dir), remote: dir };
      const project = await service.post<ProjectView>('operator', '/v1/projects', added);
      expect(project.strategies[1]).toMatchObject({ strategy: 'merge_and_push', offered: false });
      await git(dir, ['checkout', '--quiet', '-b', 'mine']);
    }
    expect((await service.get<ProjectView>('/v1/projects/one')).strategies[1]).toMatchObject({
      strategy: 'merge_and_push',
      offered: true,
    });
    await service.post('operator', '/v1/plans', {
      key: 'goal',
      title: 'Goal',
      phases: [{ key: 'build', title: 'Build' }],
      projects: [{ key: 'two', strategy: 'merge_and_push' }],
    });
  });

  test('is added once when the request is repeated, also after it was answered', async () => {
    const service = await startTestService();
    const remote = await makeRemote(path.join(service.folder, 'remotes'), 'api');
    const body = { key: 'api', remote: remote.dir };
    const first = await service.post<ProjectView>('operator', '/v1/projects', body, { key: 'add-api' });
    expect(await service.post<ProjectView>('operator', '/v1/projects', body, { key: 'add-api' })).toEqual(
      first,
    );
    expect(
      await service.refusal('operator', 'POST', '/v1/projects', { ...body, key: 'web' }, { key: 'add-api' }),
    ).toMatchObject({ code: 'key_reused' });
    expect(await service.get('/v1/projects')).toEqual({ projects: [first] });
  });
});

function namesOf(faults: readonly PlanFault[]): string[] {
  return faults.map((fault) => `${fault.path} ${fault.code}`).toSorted((a, b) => (a < b ? -1 : 1));
}

describe('a plan', () => {
  test('with faults is refused with all of them at once, and nothing is written', async () => {
    const service = await startTestService();
    await addProject(service, 'api');
    const plan = {
      key: 'goal',
      title: 'Goal',
      projects: [{ key: 'api' }, { key: 'nobody' }],
      phases: [
        { key: 'a', title: 'A', dependsOn: ['b'] },
        {
          key: 'b',
          title: 'B',
          dependsOn: ['a'],
          tasks: [
            { key: 't', title: 'T', dependsOn: ['u'] },
            { key: 't', title: 'T', projects: ['web'] },
          ],
        },
        {
          key: 'revision-1',
          title: 'C',
          tasks: [
            { key: 'x', title: 'X', dependsOn: ['y'] },
            { key: 'y', title: 'Y', dependsOn: ['x'] },
          ],
        },
      ],
    };
    const found = [
      'phases cycle',
      'phases[1].tasks[0].dependsOn[0] unknown_dependency',
      'phases[1].tasks[1].key duplicate_key',
      'phases[1].tasks[1].projects[0] unknown_project',
      'phases[2].key reserved_key',
      'phases[2].tasks cycle',
      'projects[1].key unknown_project',
    ];

    const report = await service.post<PlanReport>('viewer', '/v1/plans/validate', plan);
    expect(report.valid).toBe(false);
    expect(namesOf(report.faults)).toEqual(found);
    const refused = await service.refusal('operator', 'POST', '/v1/plans', plan);
    expect(refused.code).toBe('invalid_plan');
    expect(namesOf((refused.details?.['faults'] ?? []) as PlanFault[])).toEqual(found);
    expect(await service.get('/v1/initiatives')).toEqual({ initiatives: [] });
    const { rows } = await service.database.sql.query(
      `SELECT FROM actor UNION ALL SELECT FROM task UNION ALL SELECT FROM phase`,
    );
    expect(rows).toEqual([]);
  });

  test('with a key that could not be part of a branch name is refused', async () => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    for (const key of ['../x', '--upload-pack=x', 'A', 'a/b', 'x'.repeat(64), 'a.lock', '']) {
      const plan = planDocument({ projects: [api], phases: [{ key: 'build', tasks: [key] }] });
      const refused = await service.refusal('operator', 'POST', '/v1/plans', plan);
      expect(refused, key).toMatchObject({
        code: 'invalid_plan',
        details: {
          faults: expect.arrayContaining([expect.objectContaining({ path: 'phases[0].tasks[0].key' })]),
        },
      });
    }
    expect(await service.get('/v1/initiatives')).toEqual({ initiatives: [] });
  });

  test('is applied once when the request is repeated, and its key is taken from then on', async () => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const plan = planDocument({ projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
    const first = await service.post('operator', '/v1/plans', plan, { key: 'apply' });
    expect(await service.post('operator', '/v1/plans', plan, { key: 'apply' })).toEqual(first);
    expect(await service.refusal('operator', 'POST', '/v1/plans', plan)).toMatchObject({
      code: 'invalid_plan',
      details: { faults: [{ path: 'key', code: 'key_taken' }] },
    });
    const { initiatives } = await service.get<{ initiatives: unknown[] }>('/v1/initiatives');
    expect(initiatives).toHaveLength(1);
  });

  test('that is not to start waits until it is told to, and begins at what the remote has then', async () => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, {
      start: false,
      projects: [api],
      phases: [{ key: 'build', tasks: ['login'] }],
    });
    await work.untilState('queued');
    const newest = await api.remote.commit({ 'news.txt': 'since then\n' });

    await work.tell('initiative', work.id, 'initiative.start');

    await work.untilTask('build', 'login', 'queued');
    expect(await tipOf(api.hub, 'refs/heads/signalbox/goal/initiative')).toBe(newest);
  });

  test('whose remote is gone says so when it starts, and goes on after a retry', async () => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    await rename(api.remote.dir, `${api.remote.dir}.away`);
    const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });

    const failed = await work.untilState('in_progress.open_failed');
    expect(failed.failure?.code).toBe('remote_not_a_repository');
    expect(failed.tags).toContain('needs_you');

    await rename(`${api.remote.dir}.away`, api.remote.dir);
    await work.tell('initiative', work.id, 'initiative.retry');
    await work.untilTask('build', 'login', 'queued');
  });
});

test('an id that nobody has is refused by its kind, at every door', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const phase = await work.phase('build');
  const task = await work.task('build', 'login');

  for (const [kind, code, wrongKind] of [
    ['initiatives', 'unknown_initiative', phase.id],
    ['phases', 'unknown_phase', task.id],
    ['tasks', 'unknown_task', work.id],
  ] as const) {
    for (const id of [NOBODY, wrongKind]) {
      for (const door of ['', '/explain', '/journal']) {
        expect(await service.refusal('viewer', 'GET', `/v1/${kind}/${id}${door}`)).toMatchObject({
          code,
          status: 404,
        });
      }
      expect(
        await service.refusal('operator', 'POST', `/v1/${kind}/${id}/events`, {
          type: `${kind.slice(0, -1)}.retry`,
        }),
      ).toMatchObject({ code });
    }
    expect(await service.refusal('viewer', 'GET', `/v1/${kind}/${encodeURIComponent('../x')}`)).toMatchObject(
      { code: 'invalid_request' },
    );
  }
  expect(await service.refusal('agent', 'POST', `/v1/agents/${NOBODY}/claim`, {})).toMatchObject({
    code: 'unknown_agent',
  });
});

test('an event that does not exist, or that others send, or that the state does not take is refused and changes nothing', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const { id, version } = await work.untilTask('build', 'login', 'queued');

  expect(await work.refusalOf('task', id, 'task.explode')).toMatchObject({ code: 'unknown_event' });
  expect(
    await work.refusalOf('task', id, 'xstate.done.actor.land', { output: { result: 'landed' } }),
  ).toMatchObject({ code: 'unknown_event' });
  expect(
    await work.refusalOf('task', id, 'task.submit', { lease: id, submission: '0'.repeat(64) }),
  ).toMatchObject({ code: 'sender_not_allowed' });
  expect(await work.refusalOf('task', id, 'phase.opened')).toMatchObject({ code: 'sender_not_allowed' });
  expect(await work.refusalOf('task', id, 'task.cancel', {}, { who: 'reviewer' })).toMatchObject({
    code: 'sender_not_allowed',
    status: 403,
  });
  expect(await work.refusalOf('task', id, 'task.cancel', {}, { who: 'viewer' })).toMatchObject({
    code: 'forbidden',
  });
  expect(await work.refusalOf('task', id, 'task.resume')).toMatchObject({
    code: 'not_enabled',
    details: { next: expect.arrayContaining(['task.cancel']) },
  });
  expect(await work.refusalOf('task', id, 'task.rename', { title: 'two\nlines' })).toMatchObject({
    code: 'invalid_payload',
  });
  expect(await work.refusalOf('task', id, 'task.rename', { title: 'nul \u0000' })).toMatchObject({
    code: 'invalid_payload',
  });
  expect(await work.refusalOf('task', id, 'task.rename', { title: 'T', more: 1 })).toMatchObject({
    code: 'invalid_payload',
  });
  const stale = await work.refusalOf(
    'task',
    id,
    'task.rename',
    { title: 'T' },
    { headers: { 'if-match': `"${version - 1}"` } },
  );
  expect(stale).toMatchObject({ code: 'stale_version', status: 412 });

  expect((await work.task('build', 'login')).version).toBe(version);
  await work.tell('task', id, 'task.rename', { title: 'T' }, { headers: { 'if-match': `"${version}"` } });
  expect((await work.task('build', 'login')).title).toBe('T');
});
