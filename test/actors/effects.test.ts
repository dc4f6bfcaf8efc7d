import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EffectRun } from '../../src/actors/effects.ts';
import { EffectFailure, EffectRetryLater } from '../../src/actors/effects.ts';
import type { JsonValue } from '../../src/actors/json.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** A body whose runs end when the test says so. */
function controlled() {
  const runs: { run: EffectRun; finish: (output: JsonValue) => void; fail: (error: Error) => void }[] = [];
  const run = (one: EffectRun) => {
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>();
    runs.push({ run: one, finish: resolve, fail: reject });
    return promise;
  };
  const nth = (n: number) =>
    eventually(() => {
      const found = runs[n];
      if (found === undefined) throw new Error(`run ${n} has not begun`);
      return found;
    });
  return { registration: { run }, runs, nth };
}

describe('an effect', () => {
  it('changes nothing when a superseded attempt reports after a re-claim', async () => {
    const [old, young] = [controlled(), controlled()];
    const slow = await stage.started({
      work: { ...old.registration, concurrency: 1 },
      clock: { renewMs: 600_000 },
    });
    const id = await stage.born(slow);
    await slow.post(id, event('work'));
    const first = await old.nth(0);
    const other = await stage.started({ work: young.registration, clock: { renewMs: 600_000 } });
    await stage.shiftClock(11_000);
    const second = await young.nth(0);
    expect(second.run).toMatchObject({ effectId: first.run.effectId, attempt: first.run.attempt + 1 });
    first.finish('late');
    // Behind the late result in the same mailbox.
    await slow.post(id, event('add', { by: 1 }));
    await slow.post(id, event('noop'));
    expect(await other.peek(id)).toMatchObject({ state: 'working', context: { result: null } });
    second.finish('in time');
    await eventually(async () => expect((await other.peek(id))?.context.result).toBe('in time'));
    expect((await other.journal(id)).filter(({ type }) => type === 'xstate.done.actor.work')).toHaveLength(1);
  });

  it('that is renewed keeps its lease longer than its length', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: body.registration, clock: { renewMs: 20 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    const { finish } = await body.nth(0);
    for (let step = 0; step < 3; step += 1) {
      const { rows } = await stage.sql.query<{ lease_until: Date }>(`SELECT lease_until FROM effect`);
      await stage.shiftClock(6_000);
      await eventually(async () => {
        const renewed = await stage.sql.query<{ lease_until: Date }>(`SELECT lease_until FROM effect`);
        expect(Number(renewed.rows[0]?.lease_until)).toBeGreaterThan(Number(rows[0]?.lease_until) + 5_000);
      });
    }
    finish('held');
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('held'));
    expect(body.runs).toHaveLength(1);
  });

  it('aborts when its lease is lost', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: body.registration, clock: { renewMs: 20 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    const { run } = await body.nth(0);
    await stage.sql.query(`UPDATE effect SET attempt = attempt + 1, instance_id = 'another'`);
    await eventually(() => expect(run.signal.aborted).toBe(true));
  });

  it('aborts when its actor cancels it, and its result is not applied', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: body.registration });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    const { run, finish } = await body.nth(0);
    await runtime.post(id, event('stop'));
    await eventually(() => expect(run.signal.aborted).toBe(true));
    finish('too late');
    expect(await stage.count('effect')).toBe(0);
    await runtime.post(id, event('noop'));
    expect((await runtime.peek(id))?.context.result).toBeNull();
  });

  it('of a re-entered state does not take the result of the one before', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: body.registration });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    const first = await body.nth(0);
    await runtime.post(id, event('restart'));
    const second = await body.nth(1);
    expect(second.run.effectId).not.toBe(first.run.effectId);
    first.finish('old');
    await runtime.post(id, event('noop'));
    expect(await runtime.peek(id)).toMatchObject({ state: 'working' });
    second.finish('new');
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('new'));
  });

  it('that fails for good gives the actor code, message and details at once', async () => {
    const run = vi.fn(() =>
      Promise.reject(new EffectFailure('no_such_thing', 'there is none', { thing: 1 })),
    );
    const runtime = await stage.started({ work: { run } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.state).toBe('failed'));
    expect((await runtime.peek(id))?.context.result).toEqual({
      code: 'no_such_thing',
      message: 'there is none',
      details: { thing: 1 },
    });
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('that has to wait runs again without a cost', async () => {
    let runs = 0;
    const run = () =>
      (runs += 1) < 5
        ? Promise.reject(new EffectRetryLater(1, 'the lane is busy'))
        : Promise.resolve('at last');
    const runtime = await stage.started({ work: { run, maxAttempts: 2 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toBe('at last'));
    expect(runs).toBe(5);
  });

  it('that crashes is tried again up to its cap, and then the actor gets the error', async () => {
    const run = vi.fn(() => Promise.reject(new Error('boom')));
    const runtime = await stage.started({ work: { run, maxAttempts: 3 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.state).toBe('failed'));
    expect((await runtime.peek(id))?.context.result).toEqual({
      code: 'effect_crashed',
      message: 'boom',
      attempts: 3,
    });
    expect(run).toHaveBeenCalledTimes(3);
  });

  it('that kills its process is not run for ever', async () => {
    const run = vi.fn(() => Promise.resolve('never reached'));
    const runtime = stage.runtime({ work: { run, maxAttempts: 3 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await stage.sql.query(
      `UPDATE effect SET state = 'running', attempt = 7, failures = 2, lease_until = db_now() - interval '1 s', instance_id = 'dead'`,
    );
    const next = await stage.started({ work: { run, maxAttempts: 3 } });
    await eventually(async () => expect((await next.peek(id))?.state).toBe('failed'));
    expect(run).not.toHaveBeenCalled();
    await runtime.stop();
  });

  it('that takes too long is aborted and counts as a crash', async () => {
    const signals: AbortSignal[] = [];
    const run = ({ signal }: EffectRun) => new Promise<JsonValue>(() => signals.push(signal));
    const runtime = await stage.started({ work: { run, maxAttempts: 2, timeoutMs: 30 } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.state).toBe('failed'));
    expect((await runtime.peek(id))?.context.result).toMatchObject({ code: 'effect_timeout', attempts: 2 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('whose runs are used up tells what they have come to, where its kind knows', async () => {
    const whenSpent = vi.fn(async () => 'half of it');
    const run = () => Promise.reject(new Error('no'));
    const runtime = await stage.started({ work: { run, maxAttempts: 2, whenSpent } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await vi.waitFor(async () => expect((await runtime.peek(id))?.context.result).toBe('half of it'), {
      timeout: 5_000,
    });
    expect(whenSpent).toHaveBeenCalledExactlyOnceWith(
      expect.any(String),
      expect.objectContaining({ code: 'effect_crashed', attempts: 2 }),
    );
  });

  it('whose result can not be stored fails instead of poisoning the batch', async () => {
    const runtime = await stage.started({ work: { run: () => Promise.resolve('a\u0000b') } });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    await eventually(async () => expect((await runtime.peek(id))?.state).toBe('failed'));
    expect((await runtime.peek(id))?.context.result).toMatchObject({ code: 'invalid_output' });
  });

  it('runs no more of a kind at a time than the kind allows', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: { ...body.registration, concurrency: 2 } });
    const ids = await Promise.all([1, 2, 3, 4].map(() => stage.born(runtime)));
    await Promise.all(ids.map((id) => runtime.post(id, event('work'))));
    await body.nth(1);
    expect(await stage.count('effect', `state = 'running'`)).toBe(2);
    for (let n = 0; n < 4; n += 1) (await body.nth(n)).finish(n);
    await eventually(async () => expect(await stage.count('effect')).toBe(0));
    expect(body.runs).toHaveLength(4);
  });

  it('is given back at once when the service stops, at no cost', async () => {
    const body = controlled();
    const runtime = await stage.started({ work: body.registration });
    const id = await stage.born(runtime);
    await runtime.post(id, event('work'));
    const { run } = await body.nth(0);
    await runtime.stop();
    expect(run.signal.aborted).toBe(true);
    const { rows } = await stage.sql.query(`SELECT state, failures FROM effect`);
    expect(rows).toEqual([{ state: 'ready', failures: 0 }]);
  });
});
