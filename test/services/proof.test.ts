import { expect, test } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { git, isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const BRANCH = 'refs/heads/signalbox/goal/initiative';
const phaseBranch = (phase: string) => `refs/heads/signalbox/goal/phase/${phase}`;

async function start() {
  const service = await startTestService();
  return { service, api: await addProject(service, 'api'), agent: await registerAgent(service, 'one') };
}

/** As somebody with a shell on the hub's machine may do it: nothing in the service sees it. */
async function moveBack(project: TestProject, ref: string): Promise<string> {
  const tip = await tipOf(project.hub, ref);
  await git(project.hub, ['update-ref', ref, (await project.remote.tip()) ?? '', tip ?? '']);
  return tip ?? '';
}

/** Brings a commit back to a branch, under what has been landed there since. */
async function bringBack(project: TestProject, ref: string, commit: string): Promise<void> {
  const tip = await tipOf(project.hub, ref);
  const parents = ['-p', tip ?? '', '-p', commit];
  const merge = await git(project.hub, ['commit-tree', `${tip}^{tree}`, ...parents, '-m', 'bring back']);
  await git(project.hub, ['update-ref', ref, merge, tip ?? '']);
}

async function expectUnproven(work: Work, kind: 'initiative' | 'phase', id: string): Promise<void> {
  const { reasons } = await work.explain(kind, id);
  expect(reasons).toContainEqual(
    expect.objectContaining({ code: 'not_proven', text: expect.stringContaining('login in api') }),
  );
}

test('F5 a phase whose branch has lost what a completed task handed in opens no review until git has it again', async () => {
  const { service, api, agent } = await start();
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilTask('build', 'login', 'completed');
  const lost = await moveBack(api, phaseBranch('build'));

  await doTask(agent, 'logout', { api: { 'logout.ts': 'out\n' } });

  const { id } = await work.untilPhase('build', 'in_progress.unproven');
  await expectUnproven(work, 'phase', id);
  await work.tell('phase', id, 'phase.recheck');
  await work.untilPhase('build', 'in_progress.unproven');

  await bringBack(api, phaseBranch('build'), lost);
  await work.tell('phase', id, 'phase.recheck');
  await work.untilPhase('build', 'pending_review.open');
});

test('F5 a branch that is moved back while its review is open serves nothing to a recheck: nothing can be approved until git has the work again', async () => {
  const { service, api, agent } = await start();
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  const phase = await work.untilPhase('build', 'pending_review.open');
  const { heads } = await work.review('phase', phase.id);
  const ofPhase = await moveBack(api, phaseBranch('build'));
  await work.tell('phase', phase.id, 'phase.recheck');
  await work.untilPhase('build', 'in_progress.unproven');
  await expectUnproven(work, 'phase', phase.id);
  for (const served of [heads, { api: null }])
    expect(await work.refusalOf('phase', phase.id, 'phase.approve', { heads: served })).toMatchObject({
      status: 409,
    });
  await git(api.hub, ['update-ref', phaseBranch('build'), ofPhase]);
  await work.tell('phase', phase.id, 'phase.recheck');
  await work.untilPhase('build', 'pending_review.open');
  await work.approvePhase('build');

  await work.untilState('pending_review.open');
  const lost = await moveBack(api, BRANCH);
  await work.tell('initiative', work.id, 'initiative.recheck');
  await work.untilState('in_progress.unproven');
  await expectUnproven(work, 'initiative', work.id);
  expect(
    await work.refusalOf('initiative', work.id, 'initiative.approve', { heads: { api: lost } }),
  ).toMatchObject({ status: 409 });
  expect(await api.remote.tip('signalbox/goal')).toBeNull();

  await git(api.hub, ['update-ref', BRANCH, lost]);
  await work.tell('initiative', work.id, 'initiative.recheck');
  await work.untilState('pending_review.open');
});

test('F5 an initiative whose branch has lost a landed phase opens no review and delivers nothing until git has it again', async () => {
  const { service, api, agent } = await start();
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api],
    phases: [
      { key: 'build', tasks: ['login'] },
      { key: 'polish', tasks: ['style'] },
    ],
  });
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('build', 'completed');
  const lost = await moveBack(api, BRANCH);

  await doTask(agent, 'style', { api: { 'style.css': 'blue\n' } });

  const { id } = await work.untilState('in_progress.unproven');
  await expectUnproven(work, 'initiative', id);
  expect(await isContained(api.hub, lost, BRANCH)).toBe(false);
  expect(await api.remote.tip('signalbox/goal')).toBeNull();

  await bringBack(api, BRANCH, lost);
  await work.tell('initiative', id, 'initiative.recheck');
  await work.untilState('pending_review.open');
});
