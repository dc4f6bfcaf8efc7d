import { expect, test } from 'vitest';
import {
  claim,
  claimOrNull,
  cloneOf,
  doTask,
  push,
  pushFiles,
  registerAgent,
  report,
  reportRefusal,
  submit,
} from '../support/agent.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { git, isContained, refsOf, tipOf } from '../support/git.ts';
import { commitIn } from '../support/remote.ts';
import { LEASE_SECONDS, startTestService } from '../support/service.ts';
import { addProject, applyPlan, stateText } from '../support/work.ts';

const DAY_SECONDS = 24 * 3600;
const PHASE = 'refs/heads/signalbox/goal/phase/build';
/** What git says when its credential was refused, and there is nobody to ask for another. */
const REFUSED = 'could not read Username';

async function oneTask(limits: Readonly<Record<string, number>> = {}) {
  // Days pass here, and none of them is an outage.
  const service = await startTestService({ clock: { outageMs: 30 * DAY_SECONDS * 1_000 } });
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    limits,
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  return { service, api, work };
}

test('a lease that is not renewed ends, the task can be claimed again, and after the last attempt it fails', async () => {
  const { service, work } = await oneTask({ attempts: 2 });
  const agent = await registerAgent(service);
  const first = await claim(agent, 'login');
  await service.passTime(LEASE_SECONDS / 2);
  await report(agent, first, 'heartbeat');
  await service.passTime(LEASE_SECONDS + 10);
  // The heartbeat has moved the end: half a lease is left.
  await report(agent, first, 'progress', { message: 'nearly there', percent: 80 });
  const { reasons } = await work.explain('task', first.task.id);
  expect(reasons.find(({ code }) => code === 'leased')?.text).toContain('nearly there');

  await service.passTime(3 * LEASE_SECONDS);
  expect(await work.untilTask('build', 'login', 'queued')).toMatchObject({
    attempt: 1,
    failure: { code: 'lease_expired' },
  });
  expect(await reportRefusal(agent, first, 'submit')).toMatchObject({ code: 'lease_over' });
  const second = await claim(agent, 'login');
  expect(second.task.attempt).toBe(2);
  await service.passTime(5 * LEASE_SECONDS);
  await work.untilTask('build', 'login', 'failed');
});

test('a push under a lease that is over is kept aside and moves no branch', async () => {
  const { service, api, work } = await oneTask();
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const first = await claim(agent, 'login');
  const worktree = await cloneOf(agent, first);
  await service.passTime(LEASE_SECONDS + 10);
  const second = await claim(other, 'login');
  const branches = await refsOf(api.hub, 'refs/heads');

  const late = await commitIn(worktree, { 'late.ts': 'too late\n' });
  await push(first, worktree);

  expect(Object.values(await refsOf(api.hub, `refs/signalbox/late/${first.task.id}`))).toEqual([late]);
  expect(await refsOf(api.hub, 'refs/heads')).toEqual(branches);
  await pushFiles(other, second, { api: { 'login.ts': 'in\n' } });
  await submit(other, second);
  await work.untilTask('build', 'login', 'completed');
  expect(await isContained(api.hub, late, PHASE)).toBe(false);
});

test('the credential of a lease that is over fetches nothing, and pushes aside for a day only', async () => {
  const { service, api, work } = await oneTask();
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  await commitIn(worktree, { 'login.ts': 'in\n' });
  await push(claimed, worktree);
  await submit(agent, claimed);
  await work.untilTask('build', 'login', 'completed');
  const lateRefs = () => refsOf(api.hub, `refs/signalbox/late/${claimed.task.id}`);

  await expect(cloneOf(agent, claimed)).rejects.toThrow(REFUSED);
  await expect(git(worktree, ['fetch', 'origin'], hubCredential(claimed))).rejects.toThrow(REFUSED);

  await service.passTime(DAY_SECONDS - 60);
  const late = await commitIn(worktree, { 'late.ts': 'late\n' });
  await push(claimed, worktree);
  expect(Object.values(await lateRefs())).toEqual([late]);

  await service.passTime(DAY_SECONDS + 60);
  await commitIn(worktree, { 'later.ts': 'too late\n' });
  await expect(push(claimed, worktree)).rejects.toThrow(REFUSED);
  expect(Object.values(await lateRefs())).toEqual([late]);
});

test('the day of late pushes begins at the end of the lease, however it ends and however long it was', async () => {
  const { service, api, work } = await oneTask();
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  // Renewed for two days.
  for (let time = 0; time <= 2 * DAY_SECONDS; time += DAY_SECONDS) {
    await service.database.sql.query(`UPDATE lease SET expires_at = db_now() + interval '2 days'`);
    await service.passTime(time);
  }
  await service.database.sql.query(`UPDATE lease SET expires_at = db_now() - interval '1 second'`);
  await work.untilTask('build', 'login', 'queued');
  const late = await commitIn(worktree, { 'late.ts': 'late\n' });
  await push(claimed, worktree);
  expect(Object.values(await refsOf(api.hub, `refs/signalbox/late/${claimed.task.id}`))).toEqual([late]);
});

test('a token that is revoked takes the credentials of its leases with it', async () => {
  const { service, api } = await oneTask();
  const { id, token } = await service.post<{ id: string; token: string }>('admin', '/v1/tokens', {
    name: 'leaver',
    scope: 'agent',
  });
  const agent = await registerAgent(service, 'leaver', { token });
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  const branches = await refsOf(api.hub, 'refs/heads');
  await commitIn(worktree, { 'login.ts': 'in\n' });

  expect((await service.call('admin', 'DELETE', `/v1/tokens/${id}`)).status).toBe(204);

  await expect(push(claimed, worktree)).rejects.toThrow(REFUSED);
  await expect(cloneOf(agent, claimed)).rejects.toThrow(REFUSED);
  await service.passTime(LEASE_SECONDS + 10);
  await expect(push(claimed, worktree)).rejects.toThrow(REFUSED);
  expect(await refsOf(api.hub, 'refs/heads')).toEqual(branches);
  expect(await refsOf(api.hub, 'refs/signalbox/late')).toEqual({});
});

test('a submit that is repeated gets its first answer, whatever has become of the task since', async () => {
  const { service, work } = await oneTask();
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  await pushFiles(agent, claimed, { api: { 'login.ts': 'in\n' } });
  const first = await submit(agent, claimed, {}, { key: 'my-submit' });
  expect(first).toMatchObject({ outcome: 'accepted', state: 'merging', idempotent: true });
  await work.untilTask('build', 'login', 'completed');
  const { version } = await work.task('build', 'login');

  const again = await submit(agent, claimed, {}, { key: 'my-submit' });

  expect(again).toEqual({ ...first, outcome: 'duplicate' });
  expect((await work.task('build', 'login')).version).toBe(version);
  expect(await reportRefusal(agent, claimed, 'submit')).toMatchObject({ code: 'lease_over' });
  expect(
    await reportRefusal(agent, claimed, 'submit', { summary: 'other words' }, { key: 'my-submit' }),
  ).toMatchObject({ code: 'key_reused' });
});

test('an agent reaches its own leases only', async () => {
  const { service, work } = await oneTask();
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const { token } = await service.post<{ token: string }>('admin', '/v1/tokens', {
    name: 'stranger',
    scope: 'agent',
  });
  const stranger = await registerAgent(service, 'three', { token });
  const claimed = await claim(agent, 'login');
  await pushFiles(agent, claimed, { api: { 'login.ts': 'in\n' } });
  const { version } = await work.task('build', 'login');

  for (const what of ['heartbeat', 'submit', 'fail', 'stop', 'ask', 'progress'] as const) {
    const body =
      { stop: { reason: 'crashed' }, ask: { question: 'Mine?' }, progress: { message: 'Mine.' } }[
        what as 'stop' | 'ask' | 'progress'
      ] ?? {};
    expect(await reportRefusal(other, claimed, what, body)).toMatchObject({
      code: 'foreign_lease',
      status: 403,
    });
    expect(await reportRefusal(stranger, claimed, what, body)).toMatchObject({ code: 'foreign_lease' });
    // The right agent, and the wrong token.
    expect(await reportRefusal({ ...agent, token }, claimed, what, body)).toMatchObject({
      code: 'foreign_agent',
      status: 403,
    });
  }
  expect(
    await service.refusal('operator', 'POST', `/v1/agents/${agent.id}/submit`, { lease: claimed.lease.id }),
  ).toMatchObject({ code: 'forbidden' });
  expect(
    await service.refusal('agent', 'POST', `/v1/tasks/${claimed.task.id}/events`, { type: 'task.cancel' }),
  ).toMatchObject({ code: 'forbidden' });
  expect((await work.task('build', 'login')).version).toBe(version);
});

test('the password of one lease does not open another', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login', 'logout'] }] });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [login, logout] = [await claim(agent, 'login'), await claim(other, 'logout')];
  const worktree = await cloneOf(agent, login);
  await commitIn(worktree, { 'login.ts': 'in\n' });
  // The id of a lease is no secret: everybody who may read the journal knows it.
  for (const password of [logout.git.password, '', `${login.git.password}x`]) {
    const forged = { ...login, git: { ...login.git, password } };
    await expect(cloneOf(agent, forged)).rejects.toThrow(REFUSED);
    await expect(push(forged, worktree)).rejects.toThrow(REFUSED);
  }
  expect(await refsOf(api.hub, `refs/heads/${login.branch}`)).toEqual({});
  await push(login, worktree);
});

test('the credential of a lease opens its own branch and nothing else of the hub', async () => {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: [{ key: 'login', projects: ['api'] }, 'other'] }],
  });
  const [agent, second] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const claimed = await claim(agent, 'login');
  const neighbor = await claim(second, 'other');
  const worktree = await cloneOf(agent, claimed);
  await commitIn(worktree, { 'x.txt': 'x\n' });
  const before = await refsOf(api.hub, 'refs');

  for (const branch of [
    'main',
    PHASE.slice('refs/heads/'.length),
    neighbor.branch,
    'signalbox/goal/attempt/build/login/2',
  ]) {
    await expect(
      git(worktree, ['push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`], hubCredential(claimed)),
    ).rejects.toThrow(/git push/);
  }
  await expect(
    git(worktree, ['ls-remote', `${service.url}/git/web.git`], hubCredential(claimed)),
  ).rejects.toThrow();
  expect(claimed.projects.map(({ key }) => key)).toEqual(['api']);
  expect(await refsOf(api.hub, 'refs')).toEqual(before);
  const shown = await git(worktree, ['ls-remote', 'origin'], hubCredential(claimed));
  expect(shown).not.toContain(neighbor.branch);
});

test('a submit without any commit has to say why, and then completes', async () => {
  const { service, api, work } = await oneTask();
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  expect(await reportRefusal(agent, claimed, 'submit')).toMatchObject({ code: 'no_commits', status: 422 });
  expect(stateText((await work.task('build', 'login')).state)).toBe('in_progress.working');

  await submit(agent, claimed, { noChanges: 'it was there already' });

  await work.untilTask('build', 'login', 'completed');
  expect(await tipOf(api.hub, PHASE)).toBe(await api.remote.tip());
});

test('what is pushed after the submit is kept and does not land', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'login', needsReview: true }] }],
  });
  const agent = await registerAgent(service);
  const claimed = await claim(agent, 'login');
  const worktree = await cloneOf(agent, claimed);
  const handedIn = await commitIn(worktree, { 'login.ts': 'in\n' });
  await push(claimed, worktree);
  await submit(agent, claimed);
  const after = await commitIn(worktree, { 'login.ts': 'something else\n' });
  await push(claimed, worktree);

  const { id, heads } = await work.untilTask('build', 'login', 'pending_review');
  expect(heads).toEqual({ api: handedIn });
  await work.tell('task', id, 'task.approve', { heads: { api: handedIn } });
  await work.untilTask('build', 'login', 'completed');

  expect(await isContained(api.hub, handedIn, PHASE)).toBe(true);
  expect(await isContained(api.hub, after, PHASE)).toBe(false);
  expect(await isContained(api.hub, after, 'refs')).toBe(true);
});

test('a task goes to an agent that can do what it needs', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: [{ key: 'paint', capabilities: ['art'] }] }],
  });
  const { id } = await work.untilTask('build', 'paint', 'queued');
  const plain = await registerAgent(service, 'plain');
  expect(await claimOrNull(plain)).toBeNull();
  expect((await work.explain('task', id)).reasons).toEqual([expect.objectContaining({ code: 'no_agent' })]);

  const artist = await registerAgent(service, 'artist', { capabilities: ['art', 'music'] });
  expect((await claim(artist)).task.key).toBe('paint');
});

test('no more tasks run at once than the plan allows', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  await applyPlan(service, {
    projects: [api],
    limits: { tasks: 1 },
    phases: [{ key: 'build', tasks: ['one', 'two'] }],
  });
  const [agent, other] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const claims = await Promise.all([claimOrNull(agent, 3), claimOrNull(other, 3)]);
  expect(claims.filter((claimed) => claimed !== null)).toHaveLength(1);

  const [winner, loser] = claims[0] === null ? [other, agent] : [agent, other];
  const held = claims[0] ?? claims[1];
  if (held === null || held === undefined) throw new Error('nobody got a task');
  await pushFiles(winner, held, { api: { 'x.txt': 'x\n' } });
  await submit(winner, held);
  await doTask(loser, held.task.key === 'one' ? 'two' : 'one', { api: { 'y.txt': 'y\n' } });
});

test('a push, a heartbeat and a submit agree on whether a lease lives, also between its time and its end', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['one'] }] });
  const agent = await registerAgent(service, 'agent');
  const claimed = await claim(agent, 'one');
  const worktree = await cloneOf(agent, claimed);
  await commitIn(worktree, { 'one.txt': 'first\n' });
  await push(claimed, worktree);
  // Its time has passed, but nobody has said so: this is also how it looks right after an outage of ours.
  await service.database.sql.query(`ALTER TABLE lease ADD CONSTRAINT not_yet CHECK (NOT expired)`);
  await service.database.sql.query(`UPDATE lease SET expires_at = db_now() - interval '1 second'`);
  const last = await commitIn(worktree, { 'one.txt': 'second\n' });
  await push(claimed, worktree);
  await report(agent, claimed, 'heartbeat');
  await submit(agent, claimed);
  await work.untilTask('build', 'one', 'completed');
  expect(await isContained(api.hub, last, PHASE)).toBe(true);
});
