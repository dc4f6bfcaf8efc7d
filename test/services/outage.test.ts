import { expect, test, vi } from 'vitest';
import { LeaseSweeper } from '../../src/services/lease-sweeper.ts';
import { claim, claimOrNull, pushFiles, registerAgent, report, submit } from '../support/agent.ts';
import { LEASE_SECONDS, startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

/** Shorter than a lease, so that an outage can be both. */
const OUTAGE_MS = (LEASE_SECONDS / 2) * 1_000;

async function claimedTask() {
  const service = await startTestService({ clock: { outageMs: OUTAGE_MS } });
  const work = await applyPlan(service, {
    projects: [await addProject(service, 'api')],
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  const agent = await registerAgent(service);
  return { service, work, agent, claimed: await claim(agent, 'login') };
}

/** Time in steps that are no outage: the service writes its heartbeat after each. */
async function passOrdinaryTime(service: TestService, from: number, seconds: number): Promise<void> {
  const step = OUTAGE_MS / 2_000;
  for (let passed = step; passed < seconds + step; passed += step) {
    await service.passTime(from + passed);
    await vi.waitFor(
      async () => {
        const { rows } = await service.database.sql.query<{ is_fresh: boolean }>(
          `SELECT beat_at > db_now() - interval '${step / 2} seconds' AS is_fresh FROM actor_heartbeat`,
        );
        expect(rows[0]?.is_fresh).toBe(true);
      },
      { timeout: 20_000 },
    );
  }
}

test('an outage longer than every lease costs no agent its lease or its attempt, and gives one full term', async () => {
  const { service, work, agent, claimed } = await claimedTask();
  const outage = 10 * LEASE_SECONDS;
  await service.stop();
  await service.passTime(outage);
  await service.start();

  // Not renewed, and yet alive for nearly a term.
  await passOrdinaryTime(service, outage, LEASE_SECONDS * 0.7);
  const { rows } = await service.database.sql.query(
    'SELECT NOT expired AND expires_at > db_now() AS "isAlive" FROM lease',
  );
  expect(rows).toEqual([{ isAlive: true }]);
  await report(agent, claimed, 'heartbeat');
  expect(await work.task('build', 'login')).toMatchObject({
    state: { in_progress: 'working' },
    attempt: 1,
  });
  // The same claim again, because the service has another port now.
  const held = await claimOrNull(agent);
  if (held === null) throw new Error('the lease is gone');
  expect(held.lease.id).toBe(claimed.lease.id);
  await pushFiles(agent, held, { api: { 'login.ts': 'in\n' } });
  await submit(agent, held);
  expect(await work.untilTask('build', 'login', 'completed')).toMatchObject({ attempt: 1 });
});

test('after an outage a lease that is not renewed ends as any other', async () => {
  const { service, work } = await claimedTask();
  const outage = 10 * LEASE_SECONDS;
  await service.stop();
  await service.passTime(outage);
  await service.start();
  await passOrdinaryTime(service, outage, LEASE_SECONDS * 1.2);
  expect(await work.untilTask('build', 'login', 'queued')).toMatchObject({
    failure: { code: 'lease_expired' },
  });
});

test('while an outage is not over yet no lease is taken for expired', async () => {
  const { service } = await claimedTask();
  await service.stop();
  const { sql } = service.database;
  const posted: string[] = [];
  const sweeper = new LeaseSweeper({
    sql,
    runtime: {
      readiness: () => ({ ready: true }) as never,
      post: async (task) => (posted.push(task), { outcome: 'refused' }) as never,
    },
    log: { warn: () => undefined },
    outageMs: OUTAGE_MS,
  });
  await service.passTime(10 * LEASE_SECONDS);
  await sweeper.sweep();
  expect(posted).toEqual([]);

  // The heartbeat says that the service was there all the time.
  await sql.query('UPDATE actor_heartbeat SET beat_at = db_now()');
  await sweeper.sweep();
  expect(posted).toHaveLength(1);
});
