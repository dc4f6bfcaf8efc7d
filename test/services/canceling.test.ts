import { expect, test } from 'vitest';
import { claim, cloneOf, doTask, push, pushFiles, registerAgent, reportRefusal } from '../support/agent.ts';
import { isContained, tipOf } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, stateText, type Work } from '../support/work.ts';

const BACKUP = 'refs/signalbox/backup';
const INITIATIVE = 'refs/heads/signalbox/goal/initiative';

async function cancel(work: Work, kind: 'phase' | 'initiative'): Promise<void> {
  const id = kind === 'phase' ? (await work.phase('build')).id : work.id;
  await work.tell(kind, id, `${kind}.cancel`);
}

function untilCanceled(work: Work, kind: 'phase' | 'initiative') {
  return kind === 'phase' ? work.untilPhase('build', 'canceled') : work.untilState('canceled');
}

test.each(['phase', 'initiative'] as const)(
  'canceling the %s leaves a landing its result: what has landed is completed, what has not begun is canceled, and nothing is claimed any more',
  async (kind) => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, {
      projects: [api],
      phases: [{ key: 'build', tasks: ['landing', 'running', 'never'] }],
    });
    const agent = await registerAgent(service);
    const held = service.gates.hold('after-intents');
    const landing = await doTask(agent, 'landing', { api: { 'landing.txt': 'l\n' } });
    await held.reached;
    const other = await registerAgent(service, 'other');

    await cancel(work, kind);
    await work.untilTask('build', 'never', 'canceled');
    expect(stateText((await work.task('build', 'landing')).state)).toBe('merging');
    expect(stateText((await work.phase('build')).state)).toBe('canceling.draining');
    held.release();

    await untilCanceled(work, kind);
    await work.untilTask('build', 'landing', 'completed');
    await work.untilPhase('build', 'canceled');
    expect(await isContained(api.hub, landing.heads['api'] ?? '', BACKUP)).toBe(true);
    expect(await service.post(other.token, `/v1/agents/${other.id}/claim`, { waitSeconds: 0 })).toBeNull();
    expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
  },
);

test.each(['phase', 'initiative'] as const)(
  'canceling the %s revokes a lease: the agent hears its code with every report, and its late push is kept and shown',
  async (kind) => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, {
      projects: [api],
      phases: [{ key: 'build', tasks: ['running'] }],
    });
    const agent = await registerAgent(service);
    const running = await claim(agent, 'running');
    const worktree = await cloneOf(agent, running);
    const pushed = await commitIn(worktree, { 'running.txt': 'r\n' });
    await push(running, worktree);

    await cancel(work, kind);

    await untilCanceled(work, kind);
    for (const report of ['heartbeat', 'submit'] as const) {
      expect(await reportRefusal(agent, running, report)).toMatchObject({ code: 'lease_over', status: 409 });
    }
    const late = await commitIn(worktree, { 'late.txt': 'too late\n' });
    await push(running, worktree);
    expect(await isContained(api.hub, late, `refs/signalbox/late/${running.task.id}`)).toBe(true);
    const { reasons } = await work.explain('task', running.task.id);
    expect(reasons.find(({ code }) => code === 'late_work')?.text).toContain(late.slice(0, 12));
    expect(await isContained(api.hub, pushed, `${BACKUP}/${running.task.id}`)).toBe(true);
  },
);

test('a task that was canceled with its phase while it landed, and did not land, ends canceled with its commits kept', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['one', 'two'] }],
  });
  const [agent, other] = [await registerAgent(service), await registerAgent(service, 'other')];
  const one = await claim(agent, 'one');
  const two = await claim(other, 'two');
  await pushFiles(agent, one, { api: { 'same.txt': 'one\n' } });
  const { api: head = '' } = await pushFiles(other, two, { api: { 'same.txt': 'two\n' } });
  await service.post(agent.token, `/v1/agents/${agent.id}/submit`, { lease: one.lease.id });
  await work.untilTask('build', 'one', 'completed');
  const held = service.gates.hold('before-merge');
  await service.post(other.token, `/v1/agents/${other.id}/submit`, { lease: two.lease.id });
  await held.reached;

  await cancel(work, 'phase');
  expect(stateText((await work.task('build', 'two')).state)).toBe('merging');
  held.release();

  const { tasks } = await work.untilPhase('build', 'canceled');
  expect(tasks.map(({ key, state }) => [key, stateText(state)])).toEqual([
    ['one', 'completed'],
    ['two', 'canceled'],
  ]);
  expect(await isContained(api.hub, head, `${BACKUP}/${two.task.id}`)).toBe(true);
});

test.each(['phase', 'initiative'] as const)(
  'canceling the %s ends the review of a phase that is open: it can not be approved, and its commits are kept',
  async (kind) => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
    await doTask(await registerAgent(service), 'login', { api: { 'login.ts': 'in\n' } });
    const { id } = await work.untilPhase('build', 'pending_review.open');
    const { heads } = await work.review('phase', id);

    await cancel(work, kind);

    await untilCanceled(work, kind);
    expect(await work.refusalOf('phase', id, 'phase.approve', { heads })).toMatchObject({ status: 409 });
    expect(await isContained(api.hub, heads['api'] ?? '', `${BACKUP}/${id}`)).toBe(true);
    expect(await tipOf(api.hub, INITIATIVE)).toBe(await api.remote.tip());
  },
);

test.each([
  { dependents: 'release', becomes: 'in_progress' },
  { dependents: 'cancel', becomes: 'canceled' },
  { dependents: 'keep', becomes: 'blocked.stranded' },
])(
  'canceling a phase that others wait for has to say what becomes of them: $dependents',
  async ({ dependents, becomes }) => {
    const service = await startTestService();
    const api = await addProject(service, 'api');
    const work = await applyPlan(service, {
      projects: [api],
      phases: [
        { key: 'build', tasks: ['login'] },
        { key: 'after', dependsOn: ['build'], tasks: ['logout'] },
      ],
    });
    const { id } = await work.untilPhase('build', 'in_progress.working');
    expect(await work.refusalOf('phase', id, 'phase.cancel')).toMatchObject({ code: 'dependents_unstated' });

    await work.tell('phase', id, 'phase.cancel', { dependents });

    await work.untilPhase('build', 'canceled');
    const after = await work.untilPhase('after', becomes);
    if (dependents !== 'keep') return;
    expect(after.tags).toContain('needs_you');
    await work.tell('phase', after.id, 'phase.relink', { dependsOn: [] });
    await work.untilPhase('after', 'in_progress');
  },
);
