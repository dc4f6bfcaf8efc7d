import { expect, test } from 'vitest';
import {
  claim,
  cloneOf,
  hubCredential,
  push,
  pushFiles,
  pushResolution,
  registerAgent,
  report,
  reportRefusal,
  submit,
  type TestAgent,
} from '../support/agent.ts';
import { filesAt, git, isContained, refsOf, tipOf } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

interface Conflicted {
  readonly api: TestProject;
  readonly work: Work;
  readonly agent: TestAgent;
  /** What the task that does not merge has handed in. */
  readonly head: string;
  readonly taskId: string;
}

/** `left` has landed, `right` changed the same line; `more` is another task of the phase. */
async function conflicted(): Promise<Conflicted> {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['left', 'right', 'more'] }],
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(agent, 'left'), await claim(other, 'right')];
  await pushFiles(agent, left, { api: { 'shared.txt': 'left\n' } });
  const { api: head } = await pushFiles(other, right, { api: { 'shared.txt': 'right\n' } });
  await submit(agent, left);
  await work.untilTask('build', 'left', 'completed');
  await submit(other, right);
  await work.untilTask('build', 'right', 'conflicted');
  return { api, work, agent, head: head ?? '', taskId: right.task.id };
}

test('a merge task that fails leaves the conflict to a person, and a retry makes another merge task that resolves it', async () => {
  const { api, work, agent, head, taskId } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const { id } = await work.task('build', 'merge-2-4');
  await work.tell('task', id, 'task.cancel');
  await work.untilTask('build', 'merge-2-4', 'canceled');

  const stuck = await work.untilTask('build', 'right', 'conflict_unresolved');
  expect(stuck.tags).toContain('needs_you');
  await work.untilPhase('build', 'in_progress.attention');
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({ code: 'lease_over' });

  await work.tell('task', taskId, 'task.retry');
  const again = await claim(agent, 'merge-2-5');
  await pushResolution(agent, again, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'right', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
});

test('a merge task is not handed in without the commits whose conflict it resolves', async () => {
  const { api, work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const before = await tipOf(api.hub, PHASE);
  await pushFiles(agent, merge, { api: { 'shared.txt': 'I know better\n' } });

  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'conflict_not_resolved',
    details: { projects: ['api'] },
  });
  expect(await reportRefusal(agent, merge, 'submit', { noChanges: 'nothing to see' })).toMatchObject({
    code: 'conflict_not_resolved',
  });

  expect(await tipOf(api.hub, PHASE)).toBe(before);
  await work.untilTask('build', 'merge-2-4', 'in_progress.working');
  await work.untilTask('build', 'right', 'conflicted');
});

test('a merge task that the tip has outrun is told to merge again, and lands after it did', async () => {
  const { api, work, agent, head } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  const [project] = merge.projects;
  const worktree = await cloneOf(agent, merge);
  await git(worktree, ['merge', '--quiet', '--no-edit', project?.merge ?? '']).catch(() => undefined);
  await commitIn(worktree, { 'shared.txt': 'both\n' });
  await push(merge, worktree);
  // Another task of the phase lands meanwhile.
  const other = await registerAgent(agent.service, 'three');
  const more = await claim(other, 'more');
  await pushFiles(other, more, { api: { 'more.txt': 'more\n' } });
  await submit(other, more);
  await work.untilTask('build', 'more', 'completed');

  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({
    code: 'tip_moved',
    details: { projects: ['api'], ref: PHASE },
  });

  await git(worktree, ['fetch', '--quiet', 'origin', PHASE], hubCredential(merge));
  await git(worktree, ['merge', '--quiet', '--no-edit', 'FETCH_HEAD']);
  await push(merge, worktree);
  await submit(agent, merge);
  await work.untilTask('build', 'right', 'completed');
  expect(await isContained(api.hub, head, PHASE)).toBe(true);
  expect(await filesAt(api.hub, PHASE)).toEqual({ 'shared.txt': 'both', 'more.txt': 'more' });
});

test('canceling a task in conflict ends its merge task too, and its commits are kept', async () => {
  const { api, work, agent, head, taskId } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');

  await work.tell('task', taskId, 'task.cancel');

  await work.untilTask('build', 'right', 'canceled');
  await work.untilTask('build', 'merge-2-4', 'canceled');
  expect(await reportRefusal(agent, merge, 'submit')).toMatchObject({ code: 'lease_over' });
  expect(Object.values(await refsOf(api.hub, `refs/signalbox/backup/${taskId}`))).toContain(head);
  expect(await isContained(api.hub, head, PHASE)).toBe(false);
});

test('an agent that gives up a merge task is followed by another one', async () => {
  const { work, agent } = await conflicted();
  const merge = await claim(agent, 'merge-2-4');
  await report(agent, merge, 'fail', { code: 'too_hard', message: 'I do not understand either side.' });
  expect(await work.untilTask('build', 'merge-2-4', 'queued')).toMatchObject({
    failure: { code: 'too_hard' },
  });

  const again = await claim(agent, 'merge-2-4');
  expect(again.task.attempt).toBe(2);
  await pushResolution(agent, again, { api: { 'shared.txt': 'both\n' } });
  await submit(agent, again);
  await work.untilTask('build', 'right', 'completed');
});
