import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Problem } from '../../src/http/problem.ts';
import type { EventAnswer, Kind } from '../../src/services/shapes/actor.ts';
import { claim, doTask, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { countMerges, filesAt, git } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const INITIATIVE = 'refs/heads/signalbox/goal/initiative';

interface Answer {
  readonly type: string;
  readonly status: number;
  readonly code: string | null;
}

interface Decision {
  readonly type: string;
  /** How often the review is read first: who begins later is not always told so. */
  readonly reads?: number;
}

/** All of them at once, each over a connection of its own and with a key of its own. */
function decideAtOnce(
  { service }: Work,
  kind: Kind,
  id: string,
  decisions: readonly Decision[],
): Promise<Answer[]> {
  return Promise.all(
    decisions.map(async ({ reads = 0, ...event }) => {
      for (let read = 0; read < reads; read += 1)
        await service.call('reviewer', 'GET', `/v1/${kind}s/${id}/review`);
      const address = `/v1/${kind}s/${id}/events`;
      const answer = await service.call('reviewer', 'POST', address, event, { key: randomUUID() });
      const { code } = (await answer.json()) as Partial<Problem>;
      return { type: event.type, status: answer.status, code: code ?? null };
    }),
  );
}

/** The one that was taken; everybody else is told that it was decided already. */
function winnerOf(answers: readonly Answer[]): string {
  const taken = answers.filter(({ status }) => status === 200);
  expect(taken, JSON.stringify(answers)).toHaveLength(1);
  for (const { status, code } of answers.filter((answer) => !taken.includes(answer)))
    expect([status, code]).toEqual([409, 'not_enabled']);
  return taken[0]?.type ?? '';
}

function requestsOf(kind: Kind, count: number, reads = 0): Decision[] {
  return Array.from({ length: count }, (_, at) => ({
    type: `${kind}.requestChanges`,
    summary: `As reviewer ${at} says.`,
    reads,
  }));
}

function approvalsOf(kind: Kind, count: number, heads: object): Decision[] {
  return Array.from({ length: count }, () => ({ type: `${kind}.approve`, heads }));
}

/** An initiative whose phases, of one task each, are all in review. */
async function inReview(keys: readonly string[]): Promise<{ api: TestProject; work: Work }> {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    limits: { phases: keys.length },
    phases: keys.map((key) => ({ key, tasks: [`write-${key}`] })),
  });
  const agent = await registerAgent(service);
  for (const key of keys) {
    await doTask(agent, `write-${key}`, { api: { [`${key}.txt`]: `${key}\n` } });
    await work.untilPhase(key, 'pending_review.open');
  }
  return { api, work };
}

/** A hook at the remote that writes down every push. */
async function countPushes({ remote }: TestProject): Promise<() => Promise<number>> {
  const log = path.join(remote.dir, 'pushes');
  const hook = path.join(remote.dir, 'hooks', 'post-receive');
  await mkdir(path.dirname(hook), { recursive: true });
  await writeFile(log, '');
  await writeFile(hook, `#!/bin/sh\ncat >>"${log}"\n`);
  await chmod(hook, 0o755);
  return async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean).length;
}

test('F8 of eight approvals of a phase at once one is taken, and the phase is merged once', async () => {
  const { api, work } = await inReview(['build']);
  const { id } = await work.phase('build');
  const { heads } = await work.review('phase', id);
  const start = await api.remote.tip();

  const answers = await decideAtOnce(work, 'phase', id, approvalsOf('phase', 8, heads));

  expect(winnerOf(answers)).toBe('phase.approve');
  await work.untilPhase('build', 'completed');
  // One merge for the task, one for the phase.
  expect(await countMerges(api.hub, `${start}..${INITIATIVE}`)).toBe(2);
  const { landings } = await work.service.get<{ landings: { unit: { kind: string } }[] }>(
    `/v1/initiatives/${work.id}/landings`,
  );
  expect(landings.filter(({ unit }) => unit.kind === 'phase')).toHaveLength(1);
});

test('F8 of eight requests for changes of a phase at once one is taken, and makes one revision task', async () => {
  const { work } = await inReview(['build']);
  const { id } = await work.phase('build');

  winnerOf(await decideAtOnce(work, 'phase', id, requestsOf('phase', 8)));

  await work.untilTask('build', 'revision-1', 'queued');
  const phase = await work.phase('build');
  expect([phase.round, phase.tasks.map(({ key }) => key)]).toEqual([2, ['write-build', 'revision-1']]);
  const requests = (await work.journal('phase', id)).filter(({ type }) => type === 'phase.requestChanges');
  expect(requests).toHaveLength(1);
});

test('F8 a request for changes that is sent twice with one key is one request, and gets one answer', async () => {
  const { work } = await inReview(['build']);
  const { id } = await work.phase('build');
  const event = { type: 'phase.requestChanges', summary: 'Once.' };
  const send = () =>
    work.service.post<EventAnswer>('reviewer', `/v1/phases/${id}/events`, event, { key: 'once' });

  const answers = await Promise.all([send(), send(), send()]);

  expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['accepted', 'duplicate', 'duplicate']);
  expect(new Set(answers.map(({ eventId }) => eventId)).size).toBe(1);
  expect((await work.phase('build')).tasks).toHaveLength(2);
});

test('F8 of an approval and a request for changes at once one wins, the other is told, and only one of them happens', async () => {
  const keys = ['one', 'two', 'three', 'four', 'five', 'six'];
  const { api, work } = await inReview(keys);
  const won: Record<string, string> = {};
  for (const [at, key] of keys.entries()) {
    const { id } = await work.phase(key);
    const { heads } = await work.review('phase', id);
    // An approval is compared with git first: the later the request comes, the likelier it is too late.
    const both = [...approvalsOf('phase', 1, heads), ...requestsOf('phase', 1, 2 * at)];
    won[key] = winnerOf(await decideAtOnce(work, 'phase', id, both));
  }
  for (const key of keys) {
    const isApproved = won[key] === 'phase.approve';
    const phase = await work.untilPhase(key, isApproved ? 'completed' : 'in_progress.working');
    expect(phase.tasks).toHaveLength(isApproved ? 1 : 2);
  }
  const landed = Object.keys(await filesAt(api.hub, INITIATIVE));
  expect(landed.toSorted()).toEqual(
    [
      'README.md',
      ...keys.filter((key) => won[key] === 'phase.approve').map((key) => `${key}.txt`),
    ].toSorted(),
  );
});

test('F8 of two decisions on a task that is reviewed by itself one wins, the other is told, and only one of them happens', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const keys = ['twice', 'even', 'late', 'early'];
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: keys.map((key) => ({ key, needsReview: true })) }],
  });
  const agent = await registerAgent(service);
  for (const key of keys) await doTask(agent, key, { api: { [`${key}.txt`]: `${key}\n` } });
  const won: Record<string, string> = {};
  for (const key of keys) {
    const { id } = await work.untilTask('build', key, 'pending_review');
    const { heads } = await work.review('task', id);
    const approve = { type: 'task.approve', heads, reads: key === 'early' ? 6 : 0 };
    const [request] = requestsOf('task', 1, key === 'late' ? 6 : 0);
    const other = key === 'twice' || request === undefined ? approve : request;
    won[key] = winnerOf(await decideAtOnce(work, 'task', id, [approve, other]));
  }
  for (const key of keys) {
    const isApproved = won[key] === 'task.approve';
    await work.untilTask('build', key, isApproved ? 'completed' : 'queued');
  }
  const landed = Object.keys(await filesAt(api.hub, 'refs/heads/signalbox/goal/phase/build'));
  const approved = keys.filter((key) => won[key] === 'task.approve').map((key) => `${key}.txt`);
  expect(landed.toSorted()).toEqual(['README.md', ...approved].toSorted());
});

test('F8 of eight approvals of an initiative at once one is taken, and each remote gets one push', async () => {
  const { api, work } = await inReview(['build']);
  await work.approvePhase('build');
  await work.untilState('pending_review.open');
  const { heads } = await work.review('initiative', work.id);
  const pushes = await countPushes(api);

  const answers = await decideAtOnce(work, 'initiative', work.id, approvalsOf('initiative', 8, heads));

  expect(winnerOf(answers)).toBe('initiative.approve');
  await work.untilState('completed');
  expect(await pushes()).toBe(1);
  expect(await git(api.remote.dir, ['rev-parse', 'signalbox/goal'])).toBe(heads['api']);
});

test('F8 of requests for changes of an initiative at once, and of approvals beside them, one wins, and makes one phase or one delivery', async () => {
  const { api, work } = await inReview(['build']);
  await work.approvePhase('build');
  await work.untilState('pending_review.open');
  const agent = await registerAgent(work.service, 'reviser');
  const pushes = await countPushes(api);
  const keys = async (): Promise<string[]> => (await work.tree()).phases.map(({ key }) => key);
  const revise = async (phase: string): Promise<void> => {
    const claimed = await claim(agent, 'requested-changes');
    await pushFiles(agent, claimed, { api: { [`${phase}.txt`]: 'r\n' } });
    await submit(agent, claimed);
    await work.approvePhase(phase);
    await work.untilState('pending_review.open');
  };

  winnerOf(await decideAtOnce(work, 'initiative', work.id, requestsOf('initiative', 8)));
  expect(await keys()).toEqual(['build', 'revision-1']);
  await revise('revision-1');

  const { heads } = await work.review('initiative', work.id);
  const mixed = [...approvalsOf('initiative', 4, heads), ...requestsOf('initiative', 4, 3)];
  const winner = winnerOf(await decideAtOnce(work, 'initiative', work.id, mixed));
  if (winner === 'initiative.requestChanges') {
    expect([await keys(), await pushes()]).toEqual([['build', 'revision-1', 'revision-2'], 0]);
    await revise('revision-2');
    await work.approve();
  }
  await work.untilState('completed');
  expect(await keys()).toHaveLength(winner === 'initiative.approve' ? 2 : 3);
  expect(await pushes()).toBe(1);
});
