import { expect, test } from 'vitest';
import type { Claim } from '../../src/services/shapes/agent.ts';
import { registerAgent, reportRefusal, report, type TestAgent } from '../support/agent.ts';
import { LEASE_SECONDS, startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

async function twoTasks() {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  // Both, so that the first claim takes the first of them.
  for (const key of ['login', 'logout']) await work.untilTask('build', key, 'queued');
  return { service, work, agent: await registerAgent(service) };
}

const address = ({ id }: TestAgent) => `/v1/agents/${id}/claim`;

test('a claim that is repeated with its key is the same claim, and the secret in it is stored nowhere', async () => {
  const { service, agent } = await twoTasks();
  const claim = (key: string) => service.post<Claim>(agent.token, address(agent), {}, { key });

  const [first, second] = await Promise.all([claim('c-1'), claim('c-1')]);
  expect(second).toEqual(first);
  expect(await claim('c-1')).toEqual(first);

  const reused = await service.refusal(
    agent.token,
    'POST',
    address(agent),
    { waitSeconds: 1 },
    { key: 'c-1' },
  );
  expect([reused.status, reused.code]).toEqual([422, 'key_reused']);
  const { rows } = await service.database.sql.query<{ answer: unknown }>(
    `SELECT answer FROM answered_request WHERE key = 'c-1'`,
  );
  expect(rows).toEqual([{ answer: { lease: first.lease.id } }]);
});

test('a claim that is repeated after its lease has ended is refused, and takes no other task', async () => {
  const { service, work, agent } = await twoTasks();
  const first = await service.post<Claim>(agent.token, address(agent), {}, { key: 'c-1' });
  await report(agent, first, 'fail');
  await work.untilTask('build', 'login', 'queued');

  const refused = await service.refusal(agent.token, 'POST', address(agent), {}, { key: 'c-1' });
  expect([refused.status, refused.code]).toEqual([409, 'lease_over']);
  await work.untilTask('build', 'logout', 'queued');

  const next = await service.post<Claim>(agent.token, address(agent), {}, { key: 'c-2' });
  expect(next.lease.id).not.toBe(first.lease.id);
  expect((await service.refusal(agent.token, 'POST', address(agent), {}, { key: 'c-1' })).code).toBe(
    'lease_over',
  );
  await service.passTime(2 * LEASE_SECONDS);
  // A lease lives until its row says that it is over, which is a moment after its time.
  await work.untilTask('build', next.task.key, 'queued');
  expect((await service.refusal(agent.token, 'POST', address(agent), {}, { key: 'c-2' })).code).toBe(
    'lease_over',
  );
  expect(await reportRefusal(agent, next, 'submit')).toMatchObject({ code: 'lease_over' });
});

test('a key that nothing was found for goes on asking, and one whose claim never reached the task is new', async () => {
  const { service, work, agent } = await twoTasks();
  const other = await registerAgent(service, 'other');
  await service.post<Claim>(agent.token, address(agent), {});
  const held = await service.post<Claim>(other.token, address(other), {});
  const third = await registerAgent(service, 'third');
  const claim = () => service.post<Claim | null>(third.token, address(third), {}, { key: 'c-3' });
  expect(await claim()).toBeNull();
  await report(other, held, 'fail');
  await work.untilTask('build', held.task.key, 'queued');
  const claimed = await claim();
  expect(claimed?.task.id).toBe(held.task.id);

  // As a kill between the attempt's row and the task leaves it: the lease that is kept was never taken.
  await service.database.sql.query(
    `INSERT INTO attempt SELECT gen_random_uuid(), task_id, 99, agent_id, initiative_id, secret_hash, branch, start
       FROM attempt WHERE lease_id = $1`,
    [claimed?.lease.id],
  );
  await service.database.sql.query(
    `UPDATE answered_request SET answer = jsonb_build_object('lease', (SELECT lease_id FROM attempt WHERE number = 99))
      WHERE key = 'c-3'`,
  );
  expect(await claim()).toEqual(claimed);
});
