import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { timerEventId } from '../../src/actors/incoming.ts';
import type { Incoming } from '../../src/actors/incoming.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';
import { committerOver, pend } from './support/bench.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** The firing of the timer that stands in the table now. */
async function firing(id: string): Promise<Incoming> {
  const { rows } = await stage.sql.query<{ timer_id: string; armed_seq: string; event: Incoming['event'] }>(
    `SELECT timer_id, armed_seq, event FROM timer WHERE actor_id = $1`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('no timer is armed');
  const [timerId, armedSeq] = [row.timer_id, Number(row.armed_seq)];
  return {
    id: timerEventId(id, timerId, armedSeq),
    event: row.event,
    sender: 'timer',
    principal: 'system',
    origin: { kind: 'timer', timerId, armedSeq },
  };
}

describe('a timer', () => {
  it('fires once when the database says that it is due', async () => {
    const runtime = await stage.started();
    const id = await stage.born(runtime);
    await runtime.post(id, event('nap'));
    await stage.shiftClock(59_000);
    runtime.wake();
    await runtime.post(id, event('noop'));
    expect((await runtime.peek(id))?.state).toBe('napping');
    await stage.shiftClock(2_000);
    await eventually(async () =>
      expect(await runtime.peek(id)).toMatchObject({ state: 'idle', context: { naps: 1 } }),
    );
    expect(await stage.count('timer')).toBe(0);
  });

  it('fires after a restart, though it came due while nobody ran', async () => {
    const first = stage.runtime();
    const id = await stage.born(first);
    await first.post(id, event('nap'));
    await stage.shiftClock(3_600_000, 'away');
    await first.stop();
    const second = await stage.started();
    await eventually(async () => expect((await second.peek(id))?.context.naps).toBe(1));
  });

  it('is gone when the state is left', async () => {
    const runtime = await stage.started();
    const id = await stage.born(runtime);
    await runtime.post(id, event('nap'));
    await runtime.post(id, event('stop'));
    expect(await stage.count('timer')).toBe(0);
  });

  it('leaves no row when it is armed and dropped in one turn', async () => {
    const runtime = await stage.started();
    const id = await stage.born(runtime);
    expect((await runtime.post(id, event('blink'))).outcome).toBe('accepted');
    expect(await stage.count('timer')).toBe(0);
  });

  it('that is stale does nothing in the very turn that re-arms it', async () => {
    const runtime = stage.runtime();
    const committer = committerOver(stage.sql);
    const id = await stage.born(runtime);
    await runtime.post(id, event('nap'));
    await stage.shiftClock(61_000);
    const snooze = pend(id, { posted: event('snooze') });
    const stale = pend(id, { incoming: await firing(id) });
    expect(await committer.commit([{ actorId: id, pendings: [snooze, stale] }])).toEqual([]);
    expect(await snooze.delivery).toMatchObject({ outcome: 'accepted' });
    expect(await stale.delivery).toEqual({ outcome: 'dropped' });
    expect(await runtime.peek(id)).toMatchObject({ state: 'napping', context: { naps: 0 } });
    const { rows } = await stage.sql.query(`SELECT armed_seq::int, due_at > db_now() AS is_ahead FROM timer`);
    expect(rows).toEqual([{ armed_seq: 3, is_ahead: true }]);
    await runtime.stop();
  });

  it('that another process has re-armed does not fire from an old look at the table', async () => {
    const runtime = stage.runtime();
    const behind = committerOver(stage.sql);
    const id = await stage.born(runtime);
    await runtime.post(id, event('nap'));
    await behind.commit([{ actorId: id, pendings: [pend(id, { posted: event('noop') })] }]);
    await stage.shiftClock(61_000);
    const old = pend(id, { incoming: await firing(id) });
    await runtime.post(id, event('snooze'));
    let leftovers = await behind.commit([{ actorId: id, pendings: [old] }]);
    expect(leftovers).toMatchObject([{ why: 'lost' }]);
    old.isUncertain = true;
    leftovers = await behind.commit([{ actorId: id, pendings: [old] }]);
    expect(leftovers).toEqual([]);
    expect(await old.delivery).toEqual({ outcome: 'dropped' });
    expect((await runtime.peek(id))?.context.naps).toBe(0);
    await runtime.stop();
  });

  it('does not fire early even when somebody says so', async () => {
    const runtime = stage.runtime();
    const id = await stage.born(runtime);
    await runtime.post(id, event('nap'));
    const early = pend(id, { incoming: await firing(id) });
    expect(await committerOver(stage.sql).commit([{ actorId: id, pendings: [early] }])).toMatchObject([
      { why: 'lost' },
    ]);
    expect((await runtime.peek(id))?.state).toBe('napping');
    await runtime.stop();
  });
});
