import { expect, test } from 'vitest';
import { claim, doTask, pushResolution, registerAgent, submit } from '../support/agent.ts';
import { filesAt, isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';

async function running() {
  const service = await startTestService();
  const [api, web] = [
    await addProject(service, 'api', { 'shared.txt': 'base\n' }),
    await addProject(service, 'web'),
  ];
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: [api, web],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const agent = await registerAgent(service, 'one');
  const sync = () => work.tell('initiative', work.id, 'initiative.sync');
  return { service, api, web, work, agent, sync };
}

test('a sync lands what is new on the default branches on the branch of the initiative, and the review serves it', async () => {
  const { api, web, work, agent, sync } = await running();
  const { heads } = await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilState('pending_review.open');
  const before = await work.review('initiative', work.id);
  const [news, ahead] = [
    await api.remote.commit({ 'news.txt': 'n\n' }),
    await web.remote.commit({ 'w.txt': 'w\n' }),
  ];

  await sync();

  const opened = await work.untilState('pending_review.open');
  expect(opened.failure).toBeNull();
  const after = await work.review('initiative', work.id);
  expect(after.round).toBe(before.round);
  expect(await isContained(api.hub, news, INITIATIVE)).toBe(true);
  expect(await isContained(api.hub, heads['api'] ?? '', INITIATIVE)).toBe(true);
  // Nothing of ours was there: no merge commit is made.
  expect(await tipOf(web.hub, INITIATIVE)).toBe(ahead);
  expect(after.heads).toEqual({ api: await tipOf(api.hub, INITIATIVE), web: null });
  await work.approve();
  await work.untilState('completed');
});

test('a sync that conflicts makes a phase whose task merges, or another one after a cancel, and what ran goes on meanwhile', async () => {
  const { api, web, work, agent, sync } = await running();
  const { heads } = await doTask(agent, 'login', { api: { 'shared.txt': 'ours\n' } });
  await work.untilPhase('build', 'completed');
  const theirs = await api.remote.commit({ 'shared.txt': 'theirs\n' });
  await web.remote.commit({ 'w.txt': 'w\n' });
  const before = [await tipOf(api.hub, INITIATIVE), await tipOf(web.hub, INITIATIVE)];
  await work.untilState('pending_review.open');

  await sync();

  const first = await work.untilTask('merge-2', 'merge-1', 'queued');
  await work.tell('task', first.id, 'task.cancel');
  const merge = await claim(agent, 'merge-2');
  expect((await work.tree()).failure).toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('api:shared.txt'),
  });
  expect([await tipOf(api.hub, INITIATIVE), await tipOf(web.hub, INITIATIVE)]).toEqual(before);
  expect(await work.refusalOf('initiative', work.id, 'initiative.sync')).toMatchObject({
    code: 'merge_under_way',
    detail: expect.stringContaining('merge-2'),
  });
  const { moves } = await work.explain('initiative', work.id);
  expect(moves.map(({ event }) => event)).not.toContain('initiative.sync');
  expect(merge.conflict).toMatchObject({
    of: 'initiative',
    unit: { kind: 'initiative', key: 'goal' },
    projects: [
      {
        project: 'api',
        theirs,
        intents: [
          { side: 'ours', unit: { kind: 'phase', key: 'build' } },
          { side: 'theirs', commit: theirs, unit: null },
        ],
      },
    ],
  });
  await pushResolution(agent, merge, { api: { 'shared.txt': 'ours and theirs\n' } });
  await submit(agent, merge);
  await work.untilPhase('merge-2', 'completed');
  await work.untilState('pending_review.open');
  for (const commit of [theirs, heads['api'] ?? ''])
    expect(await isContained(api.hub, commit, INITIATIVE)).toBe(true);
  expect((await work.tree()).failure).toBeNull();

  await sync();
  await work.untilState('pending_review.open');
  expect(await filesAt(web.hub, INITIATIVE)).toMatchObject({ 'w.txt': 'w' });
});

test('a sync whose remote is gone says so, and the initiative goes on', async () => {
  const { service, work, agent, sync } = await running();
  await work.untilState('in_progress.running');
  await service.database.sql.query(`UPDATE project SET default_branch = 'gone' WHERE key = 'web'`);

  await sync();

  const { failure } = await work.untilState('in_progress.running');
  expect(failure).toMatchObject({ code: 'default_branch_missing' });
  await doTask(agent, 'login', { api: { 'login.ts': 'in\n' } });
  await work.untilPhase('build', 'completed');
});
