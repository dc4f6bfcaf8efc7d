import { expect, test } from 'vitest';
import type { Claim } from '../../src/services/shapes/agent.ts';
import { RequestPruner } from '../../src/services/request-pruner.ts';
import { registerAgent } from '../support/agent.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const DAY_SECONDS = 24 * 3_600;

test('a key is remembered for seven days, and as long as the lease that it led to', async () => {
  const service = await startTestService();
  const { sql } = service.database;
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['one'] }] });
  await work.untilTask('build', 'one', 'queued');
  const agent = await registerAgent(service);
  const claim = () => service.post<Claim>(agent.token, `/v1/agents/${agent.id}/claim`, {}, { key: 'c-1' });
  const claimed = await claim();
  const issue = (name: string, key: string) =>
    service.call('admin', 'POST', '/v1/tokens', { name, scope: 'viewer' }, { key });
  for (const key of ['k-1', 'k-2', 'k-3']) expect((await issue('first', key)).status).toBe(201);
  const pruner = new RequestPruner({ sql, log: { warn: () => undefined } });

  await sql.query(`UPDATE lease SET expires_at = db_now() + interval '30 days'`);
  await service.passTime(7 * DAY_SECONDS - 600);
  expect(await pruner.prune()).toBe(0);
  expect((await issue('second', 'k-1')).status).toBe(422);

  await service.passTime(7 * DAY_SECONDS + 600);
  expect(await pruner.prune(2)).toBe(2);
  expect(await pruner.prune(2)).toBe(1);
  expect((await issue('second', 'k-1')).status).toBe(201);
  expect(await claim()).toEqual(claimed);
});
