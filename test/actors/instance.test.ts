import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { claimInstance } from '../../src/actors/instance.ts';
import type { Sql } from '../../src/actors/sql.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';

let stage: Stage;
const sessions: pg.Client[] = [];
beforeEach(async () => {
  stage = await openStage();
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((client) => client.end()));
  await stage.close();
});

/** One connection that stays open, as the process of an instance has. */
async function session(): Promise<Sql & { close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: stage.url });
  await client.connect();
  sessions.push(client);
  return {
    async query<R>(text: string, params: readonly unknown[] = []) {
      const { rows, rowCount } = await client.query(text, [...params]);
      return { rows: rows as R[], rowCount: rowCount ?? 0 };
    },
    async close() {
      sessions.splice(sessions.indexOf(client), 1);
      await client.end();
    },
  };
}

describe('an instance', () => {
  it('is claimed by one process at a time, and is free when its session has ended', async () => {
    const [first, second] = [await session(), await session()];
    const claim = await claimInstance(first, 'a');
    expect(await claim?.isHeld(stage.sql)).toBe(true);
    expect(await claimInstance(second, 'a')).toBeNull();
    expect(await claimInstance(second, 'b')).not.toBeNull();
    await first.close();
    await eventually(async () => expect(await claim?.isHeld(stage.sql)).toBe(false));
    expect(await claimInstance(second, 'a')).not.toBeNull();
  });

  it('takes the effects of its last life back at once', async () => {
    const runs = vi.fn(() => Promise.resolve('again'));
    const dead = stage.runtime();
    const id = await stage.born(dead);
    await dead.post(id, event('work'));
    await stage.sql.query(
      `UPDATE effect SET state = 'running', attempt = 1, instance_id = 'a', lease_until = db_now() + interval '1 hour'`,
    );
    const claim = await claimInstance(await session(), 'a');
    if (claim === null) throw new Error('nobody else has it');
    const runtime = await stage.started({ instanceId: 'a', claim, work: { run: runs } });
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('again'));
    await dead.stop();
  });

  it('that is a twin without the lock takes nothing back from the living one', async () => {
    const finish = Promise.withResolvers<string>();
    const claim = await claimInstance(await session(), 'a');
    if (claim === null) throw new Error('nobody else has it');
    const living = await stage.started({ instanceId: 'a', claim, work: { run: () => finish.promise } });
    const id = await stage.born(living);
    await living.post(id, event('work'));
    await eventually(async () => expect(await stage.count('effect', `state = 'running'`)).toBe(1));
    const twinRun = vi.fn(() => Promise.resolve('twice'));
    // It could not claim; it may even show a claim whose session is over.
    const over = await session();
    const stale = await claimInstance(over, 'b');
    await over.close();
    if (stale === null) throw new Error('nobody else has it');
    await stage.started({ instanceId: 'a', work: { run: twinRun } });
    await eventually(async () => expect(await stale.isHeld(stage.sql)).toBe(false));
    await stage.started({ instanceId: 'a', claim: { ...stale, instanceId: 'a' }, work: { run: twinRun } });
    // Whoever takes an effect that was taken back, it is another attempt.
    expect(await stage.count('effect', `state = 'running' AND attempt = 1`)).toBe(1);
    finish.resolve('once');
    await eventually(async () => expect((await living.peek(id))?.context.result).toBe('once'));
    expect(twinRun).not.toHaveBeenCalled();
  });
});
