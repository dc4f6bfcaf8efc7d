import { rename } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { LeaseAnswer } from '../../src/services/shapes/agent.ts';
import {
  claim,
  claimOrNull,
  cloneOf,
  push,
  pushFiles,
  registerAgent,
  report,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { git, isContained } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { LEASE_SECONDS, startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const DAY_SECONDS = 24 * 3600;
const PHASE = 'refs/heads/signalbox/goal/phase/build';

async function plan(tasks: readonly string[], limits: Readonly<Record<string, number>> = {}) {
  // Hours pass here, and none of them is an outage.
  const service = await startTestService({ clock: { outageMs: 30 * DAY_SECONDS * 1_000 } });
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], limits, phases: [{ key: 'build', tasks }] });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  let lapses = 0;
  const lapse = async (task = tasks[0] ?? '') => {
    lapses += 1;
    await service.passTime(3 * LEASE_SECONDS * lapses);
    await work.untilTask('build', task, 'queued');
  };
  return { service, api, work, agent, other, lapse };
}

test('an agent whose task nobody else took has its lease back with its next heartbeat, and that costs no attempt', async () => {
  const { api, work, agent, lapse } = await plan(['login'], { attempts: 2 });
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  // More often than there are attempts: each end of the lease is one of its own.
  for (const round of [1, 2, 3]) {
    await lapse();
    // A progress beside a heartbeat, and a retry of each: all find the lease alive, whichever of them brought it back.
    const beats = (['heartbeat', 'progress', 'heartbeat', 'progress'] as const).map((what) =>
      report<LeaseAnswer>(agent, claimed, what, what === 'progress' ? { message: 'half' } : {}),
    );
    const alive = { lease: claimed.lease.id, seconds: LEASE_SECONDS };
    expect(await Promise.all(beats), `${round}`).toMatchObject(beats.map(() => alive));
    expect(await work.untilTask('build', 'login', 'in_progress.working'), `${round}`).toMatchObject({
      attempt: 1,
      failure: null,
    });
  }
  await report(agent, claimed, 'ask', { question: 'Tabs?' });
  await lapse();
  await report(agent, claimed, 'heartbeat');
  await work.untilTask('build', 'login', 'in_progress.asking');
  await work.tell('task', claimed.task.id, 'task.answer', { answer: 'Spaces.' });
  expect((await report<LeaseAnswer>(agent, claimed, 'heartbeat')).questionAnswer).toBe('Spaces.');

  const head = await commitIn(worktree, { 'login.ts': 'in\n' });
  await push(claimed, worktree);
  await submit(agent, claimed);
  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
});

test('a lease stays over when somebody else has the task, and when its agent has another one', async () => {
  const { work, agent, other, lapse } = await plan(['one', 'two']);
  const first = await claim(agent, 'one');
  await lapse();
  const taken = await claim(other, 'one');
  expect(await reportRefusal(agent, first, 'heartbeat')).toMatchObject({ code: 'lease_over' });
  await report(other, taken, 'heartbeat');

  const second = await claim(agent, 'two');
  await report(other, taken, 'stop', { reason: 'crashed' });
  await work.untilTask('build', 'one', 'queued');
  expect(await reportRefusal(agent, first, 'heartbeat')).toMatchObject({ code: 'lease_over' });
  await report(agent, second, 'heartbeat');
  await work.untilTask('build', 'one', 'queued');
});

test('a return that was cut off after its reservation is made good by the next heartbeat, above the limit of tasks if need be', async () => {
  const { service, work, agent, other, lapse } = await plan(['login', 'more', 'last'], { tasks: 1 });
  const claimed = await claim(agent, 'login');
  await work.tell('task', claimed.task.id, 'task.reprioritize', { priority: 1 });
  await lapse();
  const more = await claim(other, 'more');
  await service.database.sql.query(
    `UPDATE ready_task SET reserved_by = $1, reserved_until = db_now() + interval '30 seconds' WHERE task_id = $2`,
    [agent.id, claimed.task.id],
  );
  await report(agent, claimed, 'heartbeat');
  await work.untilTask('build', 'login', 'in_progress.working');
  await report(other, more, 'heartbeat');

  // The limit holds for what is given out.
  await submit(other, more, { noChanges: 'nothing to do' });
  await work.untilTask('build', 'more', 'completed');
  expect(await claimOrNull(other)).toBeNull();
});

test('a lease stays over while the initiative is paused', async () => {
  const paused = await plan(['login']);
  const claimed = await claim(paused.agent, 'login');
  await paused.lapse();
  await paused.work.tell('initiative', paused.work.id, 'initiative.pause');
  expect(await reportRefusal(paused.agent, claimed, 'heartbeat')).toMatchObject({ code: 'lease_over' });
  await paused.work.tell('initiative', paused.work.id, 'initiative.resume');
  await report(paused.agent, claimed, 'heartbeat');
});

test('an agent that crashed by its own word does not get the task back', async () => {
  const { agent, work } = await plan(['login']);
  const claimed = await claim(agent, 'login');
  await report(agent, claimed, 'stop', { reason: 'crashed' });
  await work.untilTask('build', 'login', 'queued');
  expect(await reportRefusal(agent, claimed, 'heartbeat')).toMatchObject({ code: 'lease_over' });
});

test('what was pushed too late is shown, offered to the next attempt, and can be fetched by it', async () => {
  const { api, work, agent, other, lapse } = await plan(['login']);
  const first = await claim(agent, 'login');
  const worktree = await cloneOf(agent, first);
  await lapse();
  const second = await claim(other, 'login');
  expect(second.late).toEqual([]);
  const late = await commitIn(worktree, { 'late.ts': 'too late\n' });
  await push(first, worktree);

  const { reasons } = await work.explain('task', first.task.id);
  expect(reasons.find(({ code }) => code === 'late_work')?.text).toContain(late.slice(0, 12));
  const [offered] = (await claimOrNull(other))?.late ?? [];
  expect(offered).toEqual({
    project: 'api',
    attempt: 1,
    commit: late,
    ref: `refs/signalbox/late/${first.task.id}/1`,
  });
  const own = await cloneOf(other, second);
  await git(own, ['fetch', '--quiet', 'origin', offered?.ref ?? ''], hubCredential(second));
  await git(own, ['merge', '--quiet', '--no-edit', 'FETCH_HEAD']);
  await push(second, own);
  await submit(other, second);
  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, late, PHASE)).toBe(true);
  const codes = async () => (await work.explain('task', first.task.id)).reasons.map(({ code }) => code);
  expect(await codes()).toEqual(['settled']);

  // At once, and what still works in it has lost it at once.
  await rename(api.hub, `${api.hub}.away`);
  expect(await codes()).toEqual(['settled', 'late_work_unknown']);
});

test('what was pushed before a lease came back is not forgotten: it is pushed again, or left out by its name', async () => {
  const { api, work, agent, lapse } = await plan(['one', 'two']);
  for (const [task, isWanted] of [
    ['one', true],
    ['two', false],
  ] as const) {
    const claimed = await claim(agent, task);
    const worktree = await cloneOf(agent, claimed);
    await commitIn(worktree, { [`${task}.ts`]: 'in time\n' });
    await push(claimed, worktree);
    await lapse(task);
    const commit = await commitIn(worktree, { [`${task}.ts`]: 'late\n' });
    await push(claimed, worktree);
    await report(agent, claimed, 'heartbeat');

    const late = [{ project: 'api', attempt: 1, commit, ref: `refs/signalbox/late/${claimed.task.id}/1` }];
    expect(await reportRefusal(agent, claimed, 'submit')).toMatchObject({
      code: 'late_work_left_out',
      status: 409,
      details: { late },
    });
    expect((await claimOrNull(agent))?.late).toEqual(late);
    await git(worktree, ['fetch', '--quiet', 'origin', late[0]?.ref ?? ''], hubCredential(claimed));
    if (isWanted) await push(claimed, worktree);
    await submit(agent, claimed, isWanted ? {} : { leftOut: [commit] });
    await work.untilTask('build', task, 'completed');
    expect(await isContained(api.hub, commit, PHASE)).toBe(isWanted);
    const { reasons } = await work.explain('task', claimed.task.id);
    expect(reasons.some(({ code }) => code === 'late_work')).toBe(!isWanted);
  }
});

test('an agent that has reached a limit puts its task off until the time it gives, and that costs no attempt', async () => {
  const { service, work, agent } = await plan(['login'], { attempts: 1 });
  const claimed = await claim(agent, 'login');
  await pushFiles(agent, claimed, { api: { 'half.ts': 'half\n' } });
  await report(agent, claimed, 'fail', {
    code: 'rate_limited',
    message: 'Too many tokens.',
    retryAfterSeconds: 600,
  });

  expect(await work.untilTask('build', 'login', 'deferred')).toMatchObject({
    tags: ['waiting'],
    failure: { code: 'rate_limited' },
  });
  expect(await claimOrNull(agent)).toBeNull();
  await service.passTime(601);
  await work.untilTask('build', 'login', 'queued');
  const again = await claim(agent, 'login');
  expect(again.projects[0]?.startRef).toBe(`refs/heads/${claimed.branch}`);

  await report(agent, again, 'fail', { code: 'rate_limited', retryAfterSeconds: 600 });
  await work.untilTask('build', 'login', 'deferred');
  await work.tell('task', claimed.task.id, 'task.resume');
  await work.untilTask('build', 'login', 'queued');

  const third = await claim(agent, 'login');
  expect(
    await reportRefusal(agent, third, 'fail', { code: 'rate_limited', retryAfterSeconds: 86_401 }),
  ).toMatchObject({
    code: 'invalid_request',
  });
  await report(agent, third, 'fail', { code: 'rate_limited' });
  await work.untilTask('build', 'login', 'failed');
});
