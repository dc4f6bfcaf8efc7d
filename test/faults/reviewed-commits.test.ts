import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { deliveryPoints, landingPoints } from '../../src/git/boundary.ts';
import { claim, cloneOf, doTask, push, registerAgent, submit, type TestAgent } from '../support/agent.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { git, isContained, tipOf } from '../support/git.ts';
import type { Files } from '../support/fast-import.ts';
import { commitIn } from '../support/remote.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, type PhasePlan, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';
const MAIN = 'refs/heads/main';

function branchOf(phase: string): string {
  return `refs/heads/signalbox/goal/phase/${phase}`;
}

interface Story {
  readonly service: TestService;
  readonly api: TestProject;
  readonly work: Work;
  readonly agent: TestAgent;
}

async function startStory(phases: readonly PhasePlan[]): Promise<Story> {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [{ project: api, strategy: 'merge_and_push' }],
    limits: { phases: phases.length },
    phases,
  });
  return { service, api, work, agent: await registerAgent(service) };
}

/** The phase is in review; what a reviewer has read of it. */
async function readReview({ work }: Story, key: string) {
  const { id } = await work.untilPhase(key, 'pending_review.open');
  return work.review('phase', id);
}

/** Somebody commits on a branch of the hub beside the service; with `from`, in the place of what is there. */
async function commitBeside(
  { hub, remote }: TestProject,
  ref: string,
  files: Files,
  from: string = ref,
): Promise<string> {
  const dir = await mkdtemp(`${remote.dir}-beside-`);
  await git(hub, ['worktree', 'add', '--quiet', '--detach', path.join(dir, 'tree'), from]);
  const made = await commitIn(path.join(dir, 'tree'), files, 'Nobody has looked at this');
  await git(hub, ['update-ref', ref, made]);
  return made;
}

test('F14 what agents push while a phase is in review is not part of it, whether late, forced, or to its own branch', async () => {
  const story = await startStory([{ key: 'build', tasks: ['login'] }]);
  const { api, work, agent } = story;
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  const first = await commitIn(worktree, { 'login.ts': 'in\n' });
  await push(claimed, worktree);
  await submit(agent, claimed);
  const { id, heads } = await readReview(story, 'build');
  const later: string[] = [];

  later.push(await commitIn(worktree, { 'login.ts': 'something else\n' }));
  await push(claimed, worktree).catch(() => 'refused, or kept aside');
  await git(worktree, ['reset', '--quiet', '--hard', `${first}~1`]);
  later.push(await commitIn(worktree, { 'login.ts': 'and again\n' }));
  for (const branch of [claimed.branch, branchOf('build').slice('refs/heads/'.length)])
    await git(
      worktree,
      ['push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${branch}`],
      hubCredential(claimed),
    ).catch(() => 'refused, or kept aside');

  expect((await work.review('phase', id)).heads).toEqual(heads);
  expect(await tipOf(api.hub, branchOf('build'))).toBe(heads['api']);
  await work.tell('phase', id, 'phase.approve', { heads });
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, first, INITIATIVE)).toBe(true);
  for (const commit of later) expect(await isContained(api.hub, commit, INITIATIVE)).toBe(false);
});

test('F14 an approval of what was read before a revision or an added task came is refused, names their commits, and nothing of them is merged', async () => {
  const story = await startStory([{ key: 'build', tasks: ['login'] }]);
  const { api, work, agent } = story;
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const first = await readReview(story, 'build');
  const { id } = first;
  const before = await tipOf(api.hub, INITIATIVE);
  const approveFirst = () => work.refusalOf('phase', id, 'phase.approve', { heads: first.heads });

  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Once more.' });
  expect(await approveFirst()).toMatchObject({ code: 'not_enabled', status: 409 });
  const revision = await doTask(agent, 'revision-1', { api: { 'login.ts': 'in, revised\n' } });
  const second = await readReview(story, 'build');
  expect(await approveFirst()).toMatchObject({
    code: 'heads_not_served',
    status: 409,
    details: {
      differs: ['api'],
      heads: second.heads,
      news: [
        {
          project: 'api',
          was: first.heads['api'],
          now: second.heads['api'],
          commits: expect.arrayContaining([expect.objectContaining({ oid: revision.heads['api'] })]),
        },
      ],
    },
  });

  await work.tell('phase', id, 'phase.addTask', { key: 'logout', title: 'Sign out' });
  expect(await work.refusalOf('phase', id, 'phase.approve', { heads: second.heads })).toMatchObject({
    code: 'not_enabled',
  });
  const added = await doTask(agent, 'logout', { api: { 'logout.ts': 'out\n' } });
  const third = await readReview(story, 'build');
  for (const { heads } of [first, second]) {
    const refused = await work.refusalOf('phase', id, 'phase.approve', { heads });
    expect(refused).toMatchObject({ code: 'heads_not_served' });
    expect(refused.detail).toContain('new commits');
    expect(JSON.stringify(refused)).toContain(added.heads['api']);
  }
  expect(await tipOf(api.hub, INITIATIVE)).toBe(before);

  await work.tell('phase', id, 'phase.approve', { heads: third.heads });
  await work.untilPhase('build', 'completed');
  expect(await isContained(api.hub, third.heads['api'] ?? '', INITIATIVE)).toBe(true);
});

test('F14 a branch that is rewritten between reading and approving, or between the approval and the landing, is read again once it has its work', async () => {
  const story = await startStory([{ key: 'build', tasks: ['login'] }]);
  const { api, work, agent } = story;
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const first = await readReview(story, 'build');
  const { id } = first;
  const start = (await api.remote.tip()) ?? '';

  const forced = await commitBeside(api, branchOf('build'), { 'login.ts': 'forced\n' }, start);
  expect(await work.refusalOf('phase', id, 'phase.approve', { heads: first.heads })).toMatchObject({
    code: 'heads_moved',
    details: { differs: ['api'], news: [{ was: first.heads['api'], now: forced }] },
  });
  // Back where it was: what was read is what is there.
  await git(api.hub, ['update-ref', branchOf('build'), first.heads['api'] ?? '']);
  await work.tell('initiative', work.id, 'initiative.pause');
  await work.tell('phase', id, 'phase.approve', { heads: first.heads });
  await work.untilPhase('build', 'merging.gate');
  const behind = await commitBeside(api, branchOf('build'), { 'login.ts': 'behind the back\n' }, start);
  await work.tell('initiative', work.id, 'initiative.resume');

  // What the task handed in is not in it: it is not even served.
  await work.untilPhase('build', 'in_progress.unproven');
  const mended = await commitBeside(api, branchOf('build'), { 'more.ts': 'm\n' }, first.heads['api'] ?? '');
  await work.tell('phase', id, 'phase.recheck');
  const again = await readReview(story, 'build');
  expect(again.heads).toEqual({ api: mended });
  expect(await tipOf(api.hub, INITIATIVE)).toBe(start);
  for (const commit of [forced, behind, mended])
    expect(await isContained(api.hub, commit, INITIATIVE)).toBe(false);
});

/** A landing in one project has nothing between the commits of two. */
const MOMENTS = landingPoints.filter((point) => point !== 'between-commits');

test('F14 whatever moment of its landing the branch of a phase is moved at, only what was approved is merged', async () => {
  const story = await startStory(MOMENTS.map((point) => ({ key: point, tasks: [`write-${point}`] })));
  const { service, api, work, agent } = story;
  const start = (await api.remote.tip()) ?? '';
  for (const [at, point] of MOMENTS.entries()) {
    await doTask(agent, `write-${point}`, { api: { [`${point}.txt`]: 'w\n' } });
    const { id, heads } = await readReview(story, point);
    const landing = service.gates.hold(point);
    await work.tell('phase', id, 'phase.approve', { heads });
    await landing.reached;
    // Now on top of what was approved, now in its place.
    const from = at % 2 === 0 ? branchOf(point) : start;
    const unseen = await commitBeside(api, branchOf(point), { [`unseen-${point}.txt`]: 'u\n' }, from);
    landing.release();

    await work.untilPhase(point, 'completed');
    expect(await isContained(api.hub, unseen, INITIATIVE), point).toBe(false);
    expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE), point).toBe(true);
  }
}, 240_000);

test('F14 an initiative delivers what was approved: phases that were added since are read first', async () => {
  const story = await startStory([{ key: 'build', tasks: ['login'] }]);
  const { api, work, agent } = story;
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.approvePhase('build');
  await work.untilState('pending_review.open');
  const first = await work.review('initiative', work.id);
  const approveFirst = () =>
    work.refusalOf('initiative', work.id, 'initiative.approve', { heads: first.heads });

  await work.tell('initiative', work.id, 'initiative.addPhase', {
    key: 'more',
    title: 'More',
    tasks: [{ key: 'logout', title: 'Sign out' }],
  });
  expect(await approveFirst()).toMatchObject({ code: 'not_enabled' });
  const { heads } = await doTask(agent, 'logout', { api: { 'logout.ts': 'out\n' } });
  await work.approvePhase('more');
  await work.untilState('pending_review.open');

  const refused = await approveFirst();
  expect(refused).toMatchObject({ code: 'heads_not_served', details: { differs: ['api'] } });
  expect(JSON.stringify(refused.details)).toContain(heads['api']);
  expect(await api.remote.tip()).toBe(first.base['api']);
  const unseen = await commitBeside(api, INITIATIVE, { 'unseen.txt': 'u\n' });
  const second = await work.review('initiative', work.id);
  expect(
    await work.refusalOf('initiative', work.id, 'initiative.approve', { heads: second.heads }),
  ).toMatchObject({ code: 'heads_moved', details: { news: [{ now: unseen }] } });
  expect(await api.remote.tip()).toBe(first.base['api']);
});

test.each(deliveryPoints.filter((point) => point !== 'between-pushes'))(
  'F14 an initiative whose branch is moved at %s of its delivery delivers what was approved',
  async (point) => {
    const story = await startStory([{ key: 'build', tasks: ['login'] }]);
    const { service, api, work, agent } = story;
    await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
    await work.approvePhase('build');
    await work.untilState('pending_review.open');
    const { heads } = await work.review('initiative', work.id);
    const delivery = service.gates.hold(point);
    await work.tell('initiative', work.id, 'initiative.approve', { heads });
    await delivery.reached;
    const unseen = await commitBeside(api, INITIATIVE, { 'unseen.txt': 'u\n' });
    delivery.release();

    await work.untilState('completed');
    expect(await isContained(api.remote.dir, heads['api'] ?? '', MAIN)).toBe(true);
    expect(await isContained(api.remote.dir, unseen, MAIN)).toBe(false);
  },
);
