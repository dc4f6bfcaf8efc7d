import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { defaultClock } from '../../src/actors/clock.ts';
import { beat } from '../../src/actors/outage.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** An effect that a process was running when it died. */
async function runningElsewhere(): Promise<string> {
  const runtime = stage.runtime();
  const id = await stage.born(runtime);
  await runtime.post(id, event('work'));
  await stage.sql.query(
    `UPDATE effect SET state = 'running', attempt = 1, instance_id = 'gone', lease_until = db_now() + interval '10 s'`,
  );
  await runtime.stop();
  return id;
}

const lease = async () =>
  (
    await stage.sql.query<{ failures: number; attempt: number; ms: number }>(
      `SELECT failures, attempt, (extract(epoch FROM lease_until - db_now()) * 1000)::float8 AS ms FROM effect`,
    )
  ).rows[0];

describe('an outage of ours', () => {
  it('longer than every lease gives each lease one full term and costs no attempt', async () => {
    await beat({ sql: stage.sql, clock: defaultClock, onOutage: undefined });
    const id = await runningElsewhere();
    await stage.shiftClock(3_600_000, 'away');
    const run = vi.fn(() => Promise.resolve('done'));
    const runtime = await stage.started({ work: { run } });
    expect(runtime.readiness().lastOutageEndedAt).not.toBeNull();
    expect(await lease()).toMatchObject({ failures: 0, attempt: 1 });
    expect((await lease())?.ms).toBeGreaterThan(8_000);
    await runtime.post(id, event('noop'));
    expect(run).not.toHaveBeenCalled();
    // The full term has passed and its worker has not come back: now it is over.
    await stage.shiftClock(11_000);
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('done'));
  });

  it('lets no lease expire before the heartbeat has seen it', async () => {
    await beat({ sql: stage.sql, clock: defaultClock, onOutage: undefined });
    await runningElsewhere();
    const run = vi.fn(() => Promise.resolve('stolen'));
    // A process that claims and never beats again.
    const runtime = await stage.started({ work: { run }, clock: { heartbeatMs: 3_600_000 } });
    await stage.shiftClock(60_000, 'away');
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('stolen'));
    expect(run).toHaveBeenCalledTimes(1);
    expect(await lease()).toMatchObject({ attempt: 1 });
  });

  it('shorter than the limit changes nothing', async () => {
    const onOutage = vi.fn(() => Promise.resolve());
    await beat({ sql: stage.sql, clock: defaultClock, onOutage });
    await stage.shiftClock(9_000, 'away');
    expect(await beat({ sql: stage.sql, clock: defaultClock, onOutage })).toBeNull();
    expect(onOutage).not.toHaveBeenCalled();
  });

  it('is ended once, for other lease tables too, whoever of two processes sees it first', async () => {
    const onOutage = vi.fn(() => Promise.resolve());
    await beat({ sql: stage.sql, clock: defaultClock, onOutage });
    await stage.shiftClock(11_000, 'away');
    const ends = await Promise.all([1, 2].map(() => beat({ sql: stage.sql, clock: defaultClock, onOutage })));
    expect(ends.filter((end) => end !== null)).toHaveLength(1);
    expect(onOutage).toHaveBeenCalledTimes(1);
  });
});
