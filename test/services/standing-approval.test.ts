import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import { claim, doTask, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { filesAt, git, isContained, tipOf } from '../support/git.ts';
import type { Files } from '../support/fast-import.ts';
import { commitIn, makeRemote } from '../support/remote.ts';
import { RemoteServer } from '../support/remote-server.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const PHASE = 'refs/heads/signalbox/goal/phase/build';
const CODE = 'one\ntwo\nthree\n';

/** `build` is in review, in two projects; since then `other` has landed on the initiative, so that the base has moved. */
async function baseMoved() {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api', { 'code.txt': CODE, 'other.txt': 'base\n' }),
    await addProject(service, 'web'),
  ];
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [
      { key: 'build', tasks: ['login'] },
      { key: 'other', tasks: ['logout'] },
    ],
  });
  const [first, second] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  await doTask(first, 'login', { api: { 'code.txt': `${CODE}four\n` }, web: { 'w.txt': 'w\n' } });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  const served = await work.review('phase', id);
  const logout = await claim(second, 'logout');
  await pushFiles(second, logout, { api: { 'other.txt': 'changed\n' } });
  await submit(second, logout);
  await work.approvePhase('other');
  await work.untilPhase('other', 'completed');
  return { service, api, web, work, id, served };
}

/** A clone of the hub in which somebody works on a branch beside the service. */
async function beside({ hub, remote }: TestProject, ref: string): Promise<string> {
  const dir = `${remote.dir}-beside-${path.basename(ref)}-${Math.random()}`;
  await git(hub, ['worktree', 'add', '--quiet', '--detach', dir, ref]);
  return dir;
}

async function merged(project: TestProject, ref: string, from: string): Promise<string> {
  const dir = await beside(project, ref);
  await git(dir, ['merge', '--quiet', '--no-edit', from]);
  return move(project, ref, dir);
}

async function rebased(project: TestProject, ref: string, onto: string): Promise<string> {
  const dir = await beside(project, ref);
  await git(dir, ['rebase', '--quiet', onto]);
  return move(project, ref, dir);
}

async function committed(project: TestProject, ref: string, files: Files, message: string): Promise<string> {
  const dir = await beside(project, ref);
  await commitIn(dir, files, message);
  return move(project, ref, dir);
}

async function move(project: TestProject, ref: string, dir: string): Promise<string> {
  const made = await git(dir, ['rev-parse', 'HEAD']);
  await git(project.hub, ['update-ref', ref, made]);
  return made;
}

async function newest(work: Work, kind: 'phase' | 'initiative', id: string, type: string) {
  return (await work.journal(kind, id)).findLast((entry) => entry.type === type);
}

test.each([
  ['merged into', merged, []],
  ['that the branch was rebased on', rebased, [expect.stringMatching(/^login in api \([0-9a-f]{12}\)$/)]],
])(
  'an approval stands when only the base has moved, %s the branch, the journal says why, and all of it is delivered',
  async (_, bring, byPatch) => {
    const { api, web, work, id, served } = await baseMoved();
    const head = await bring(api, PHASE, INITIATIVE);
    expect(head).not.toBe(served.heads['api']);

    await work.tell('phase', id, 'phase.approve', { heads: served.heads });

    await work.untilPhase('build', 'completed');
    expect(await isContained(api.hub, head, INITIATIVE)).toBe(true);
    expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({
      'code.txt': 'one\ntwo\nthree\nfour',
      'other.txt': 'changed',
    });
    expect((await newest(work, 'phase', id, 'phase.approve'))?.event).toMatchObject({
      heads: served.heads,
      because: expect.stringMatching(/^api moved from [0-9a-f]{12} to [0-9a-f]{12}: only the base has moved/),
    });

    await work.approve({ api: 'merge_and_push', web: 'merge_and_push' });
    await work.untilState('completed');
    expect(await filesAt(api.remote.dir, 'refs/heads/main')).toMatchObject({
      'code.txt': 'one\ntwo\nthree\nfour',
      'other.txt': 'changed',
    });
    expect(await filesAt(web.remote.dir, 'refs/heads/main')).toMatchObject({ 'w.txt': 'w' });
    for (const effect of ['prove', 'review'])
      expect((await newest(work, 'initiative', work.id, `xstate.done.actor.${effect}`))?.event).toMatchObject(
        {
          output: { proven: true, missing: [], byPatch },
        },
      );
  },
);

test('changes that are requested after the branch was rebased lead back to the review: what it had is found by its patches', async () => {
  const { service, api, work, id } = await baseMoved();
  await rebased(api, PHASE, INITIATIVE);
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Once more.' });
  const agent = await registerAgent(service, 'reviser');
  const revision = await claim(agent, 'revision-1');
  await pushFiles(agent, revision, { api: { 'code.txt': `${CODE}fourth\n` } });
  await submit(agent, revision);

  await work.untilPhase('build', 'pending_review.open');
  expect((await newest(work, 'phase', id, 'xstate.done.actor.review'))?.event).toMatchObject({
    output: { byPatch: [expect.stringContaining('login in api')] },
  });
  await work.approvePhase('build');
  await work.untilPhase('build', 'completed');
  expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({
    'code.txt': 'one\ntwo\nthree\nfourth',
    'other.txt': 'changed',
  });
});

test('an approval is void when the branch was brought to the new base and one blank more was changed, and says what is new', async () => {
  const { api, work, id, served } = await baseMoved();
  await merged(api, PHASE, INITIATIVE);
  const head = await committed(api, PHASE, { 'code.txt': `${CODE} four\n` }, 'Indent it');

  const refused = await work.refusalOf('phase', id, 'phase.approve', { heads: served.heads });

  expect(refused).toMatchObject({
    code: 'heads_moved',
    detail: expect.stringContaining('"Indent it"'),
    details: {
      differs: ['api'],
      news: [
        {
          project: 'api',
          was: served.heads['api'],
          now: head,
          commits: [{ oid: head, subject: 'Indent it' }, { subject: expect.stringContaining('Merge') }],
          more: false,
        },
      ],
    },
  });
  await work.untilPhase('build', 'pending_review.open');
  expect(await filesAt(api.hub, INITIATIVE)).toMatchObject({ 'code.txt': CODE.trimEnd() });
});

test('an approval is void when a commit came, though it changes nothing', async () => {
  const { api, work, id, served } = await baseMoved();
  const dir = await beside(api, PHASE);
  await git(dir, ['commit', '--quiet', '--allow-empty', '--message', 'Nothing']);
  await move(api, PHASE, dir);
  expect(await work.refusalOf('phase', id, 'phase.approve', { heads: served.heads })).toMatchObject({
    code: 'heads_moved',
    detail: expect.stringContaining('"Nothing"'),
  });
});

test('an approval is void when one project stands and another has something new', async () => {
  const { api, web, work, id, served } = await baseMoved();
  await merged(api, PHASE, INITIATIVE);
  await committed(web, PHASE, { 'w.txt': 'w, and more\n' }, 'More');

  expect(await work.refusalOf('phase', id, 'phase.approve', { heads: served.heads })).toMatchObject({
    code: 'heads_moved',
    details: { differs: ['web'] },
  });
});

test('an approval given before stands at the landing when only the base has moved meanwhile, and not otherwise', async () => {
  const { api, work, id, served } = await baseMoved();
  const approve = async (heads: object) => {
    await work.tell('initiative', work.id, 'initiative.pause');
    await work.tell('phase', id, 'phase.approve', { heads });
    await work.untilPhase('build', 'merging.gate');
  };
  await approve(served.heads);
  const news = await committed(api, PHASE, { 'more.txt': 'm\n' }, 'More');
  await work.tell('initiative', work.id, 'initiative.resume');
  await work.untilPhase('build', 'pending_review.open');
  expect((await work.review('phase', id)).heads['api']).toBe(news);
  expect((await newest(work, 'phase', id, 'xstate.done.actor.land'))?.event).toMatchObject({
    output: { result: 'heads_moved', message: expect.stringContaining('"More"') },
  });

  await approve((await work.review('phase', id)).heads);
  const head = await merged(api, PHASE, INITIATIVE);
  await work.tell('initiative', work.id, 'initiative.resume');
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, head, INITIATIVE)).toBe(true);
  expect((await newest(work, 'phase', id, 'xstate.done.actor.land'))?.event).toMatchObject({
    output: { result: 'landed', because: expect.stringContaining('only the base has moved') },
  });
});

test.each([
  ['brought to', merged],
  ['rebased on', rebased],
])(
  'the approval of an initiative stands when its branch was %s the default branch of today',
  async (_, bring) => {
    const { api, web, work } = await baseMoved();
    await work.approvePhase('build');
    await work.untilState('pending_review.open');
    const served = await work.review('initiative', work.id);
    const theirs = await api.remote.commit({ 'theirs.txt': 't\n' });
    await git(api.hub, ['fetch', '--quiet', api.remote.dir, '+refs/heads/main:refs/heads/main']);
    await bring(api, INITIATIVE, theirs);

    await work.tell('initiative', work.id, 'initiative.approve', {
      heads: served.heads,
      strategies: { api: 'merge_and_push', web: 'merge_and_push' },
    });

    await work.untilState('completed');
    expect((await newest(work, 'initiative', work.id, 'initiative.approve'))?.event).toMatchObject({
      because: expect.stringContaining('api moved from'),
    });
    for (const project of [api, web])
      expect(
        await isContained(
          project.remote.dir,
          (await tipOf(project.hub, INITIATIVE)) ?? '',
          'refs/heads/main',
        ),
      ).toBe(true);
  },
);

test('a delivery whose remote moves between two pushes stops where the heads are not the approved ones any more', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [
      { project: api, strategy: 'merge_and_push' },
      { project: web, strategy: 'merge_and_push' },
    ],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  await doTask(await registerAgent(service), 'login', { api: { 'a.ts': 'a\n' }, web: { 'w.ts': 'w\n' } });
  await work.untilState('pending_review.open');
  const between = service.gates.hold('between-pushes');
  await work.approve();
  await between.reached;
  const theirs = await web.remote.commit({ 'news.txt': 'n\n' });
  await committed(web, INITIATIVE, { 'unseen.ts': 'u\n' }, 'Nobody has seen this');
  between.release();

  const partial = await work.untilState('partially_delivered');

  expect(partial.failure?.message).toContain('web: heads_moved');
  expect(partial.failure?.message).toContain('"Nobody has seen this"');
  expect(await web.remote.tip()).toBe(theirs);
});

describe.each([
  ['once it was recorded', 'between-pushes', false],
  ['before it was recorded, and is canceled,', 'before-push-record', true],
] as const)('a delivery that is interrupted after its first push, %s', (_, point, isCanceled) => {
  test('is partially delivered where the heads are not the approved ones any more when it goes on', async () => {
    const service = await startTestService();
    const server = new RemoteServer(path.join(service.folder, 'remotes'));
    await server.start();
    onTestFinished(() => server.stop());
    const projects = [];
    for (const key of ['api', 'web']) {
      const remote = await makeRemote(path.join(service.folder, 'remotes'), key);
      const asked = { key, remote: server.url(`${key}.git`) };
      const { id } = await service.post<ProjectView>('operator', '/v1/projects', asked);
      const project = { key, remote, hub: path.join(service.hubFolder, `${id}.git`) };
      projects.push({ project, strategy: 'merge_and_push' as const });
    }
    const [api, web] = projects.map(({ project }) => project) as [TestProject, TestProject];
    const work = await applyPlan(service, {
      mode: 'yolo',
      projects,
      phases: [{ key: 'build', tasks: ['login'] }],
    });
    const { heads } = await doTask(await registerAgent(service), 'login', {
      api: { 'a.ts': 'a\n' },
      web: { 'w.ts': 'w\n' },
    });
    await work.untilState('pending_review.open');
    const untouched = await web.remote.tip();
    const after = service.gates.hold(point);
    await work.approve();
    await after.reached;
    await server.stop();
    await committed(web, INITIATIVE, { 'unseen.ts': 'u\n' }, 'Nobody has seen this');
    if (isCanceled) await work.tell('initiative', work.id, 'initiative.cancel');
    after.release();
    if (point === 'before-push-record') {
      await until('the delivery waits for its remote', async () => {
        const { reasons } = await work.explain('initiative', work.id);
        return (
          reasons.some(({ effect }) => effect?.lastError?.message.includes('remote_unreachable')) || null
        );
      });
      await server.start();
    }

    const partial = await until('the delivery has ended', async () => {
      const tree = await work.tree();
      return tree.tags.some((tag) => tag === 'needs_you' || tag === 'settled') && tree;
    });

    expect(partial.state).toBe('partially_delivered');
    expect(partial.failure?.message).toContain('heads_moved');
    expect(partial.failure?.message).toContain('"Nobody has seen this"');
    expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/main')).toBe(true);
    expect(await web.remote.tip()).toBe(untouched);
  });
});
