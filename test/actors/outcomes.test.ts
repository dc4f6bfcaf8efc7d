import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Runtime } from '../../src/actors/runtime.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage, recorded } from './support/harness.ts';

let stage: Stage;
let runtime: Runtime;
beforeAll(async () => {
  stage = await openStage();
  runtime = await stage.started();
});
afterAll(() => stage.close());

describe('the door', () => {
  it.each([
    ['an unknown actor', randomUUID(), event('add', { by: 1 }), 'unknown_actor'],
    ['an actor id that is no uuid', 'x', event('add', { by: 1 }), 'unknown_actor'],
    ['an event id that is no uuid', randomUUID(), event('add', { by: 1 }, { id: 'x' }), 'invalid_payload'],
  ])('refuses %s', async (_, id, posted, code) => {
    expect(await runtime.post(id, posted)).toMatchObject({ outcome: 'refused', code });
  });

  it.each([
    ['an event nobody declared', event('fly'), 'unknown_event'],
    ['a name from the prototype', event('constructor'), 'unknown_event'],
    ['an event of XState itself', event('xstate.done.actor.work'), 'unknown_event'],
    ['a payload that does not fit', event('add', { by: 'one' }), 'invalid_payload'],
    ['U+0000', event('say', { text: 'a\u0000b' }), 'invalid_payload'],
    ['half a surrogate pair', event('say', { text: 'a\ud800b' }), 'invalid_payload'],
    ['U+0000 in the principal', event('noop', {}, { principal: 'a\u0000' }), 'invalid_payload'],
    ['a sender who may not', event('secret'), 'sender_not_allowed'],
    ['a sender that is the runtime itself', event('close', {}, { sender: 'message' }), 'sender_not_allowed'],
    ['what the state does not take', event('snooze'), 'not_enabled'],
    ['a version that has passed', event('add', { by: 1 }, { ifVersion: 7 }), 'stale_version'],
  ])('refuses %s and writes nothing', async (_, posted, code) => {
    const id = await stage.born(runtime);
    expect(await runtime.post(id, posted)).toMatchObject({ outcome: 'refused', code });
    expect(await runtime.journal(id)).toHaveLength(1);
  });

  it('lets an admin send what operators may', async () => {
    const id = await stage.born(runtime);
    expect((await runtime.post(id, event('add', { by: 1 }, { sender: 'admin' }))).outcome).toBe('accepted');
  });

  it('tells with a refusal where the actor stands', async () => {
    const id = await stage.born(runtime);
    expect(await runtime.post(id, event('snooze'))).toMatchObject({
      version: 1,
      state: 'idle',
      tags: ['waiting'],
    });
  });
});

describe('an outcome', () => {
  it('is accepted for a declared no-op, which changes nothing but is journaled', async () => {
    const id = await stage.born(runtime);
    expect(await runtime.post(id, event('noop'))).toMatchObject({
      outcome: 'accepted',
      version: 2,
      state: 'idle',
    });
  });

  it('is a duplicate for an id that was applied, with the first answer, though the state has moved on', async () => {
    const id = await stage.born(runtime);
    const add = event('add', { by: 2 });
    const first = recorded(await runtime.post(id, add));
    await runtime.post(id, event('finish'));
    expect(await runtime.post(id, add)).toMatchObject({
      outcome: 'duplicate',
      version: first.version,
      state: first.state,
      next: first.next,
      first: { outcome: 'accepted', event: { type: 'add', by: 2 } },
    });
    expect((await runtime.peek(id))?.context.total).toBe(2);
  });

  it('is a duplicate for an id that was applied, though the state would take it again', async () => {
    const id = await stage.born(runtime);
    const add = event('add', { by: 2 });
    await runtime.post(id, add);
    expect(await runtime.post(id, add)).toMatchObject({ outcome: 'duplicate', version: 2 });
    expect((await runtime.peek(id))?.context.total).toBe(2);
  });

  it('is one for two posts of one id at the same time', async () => {
    const id = await stage.born(runtime);
    const add = event('add', { by: 5 });
    const outcomes = await Promise.all([runtime.post(id, add), runtime.post(id, add)]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'duplicate']);
    expect((await runtime.peek(id))?.context.total).toBe(5);
  });

  it('is not remembered when refused: the same id may be accepted later', async () => {
    const id = await stage.born(runtime);
    const snooze = event('snooze');
    expect((await runtime.post(id, snooze)).outcome).toBe('refused');
    await runtime.post(id, event('nap'));
    expect((await runtime.post(id, snooze)).outcome).toBe('accepted');
  });

  it.each(['poison', 'explode'])(
    'is rejected when the machine throws (%s): journaled, and the state is the same',
    async (type) => {
      const id = await stage.born(runtime);
      const before = await runtime.peek(id);
      const outcome = recorded(await runtime.post(id, event(type)));
      expect(outcome).toMatchObject({ outcome: 'rejected', version: 2, state: 'idle' });
      expect(outcome.reason).toMatch(/threw/);
      expect((await runtime.peek(id))?.context).toEqual(before?.context);
      expect((await runtime.post(id, event('add', { by: 1 }))).outcome).toBe('accepted');
    },
  );

  it('is refused by an actor that has ended, which is never stepped again', async () => {
    const id = await stage.born(runtime);
    await runtime.post(id, event('finish'));
    expect(await runtime.peek(id)).toMatchObject({ status: 'done', state: 'done', next: [] });
    expect(await runtime.post(id, event('add', { by: 1 }))).toMatchObject({
      outcome: 'refused',
      code: 'not_active',
    });
    expect(await runtime.journal(id)).toHaveLength(2);
  });

  it('is refused as a constraint when a row can not hold it, and nothing of the turn is kept', async () => {
    const id = await stage.born(runtime);
    const outcome = await runtime.post(id, event('note', { key: 'k', value: 5_000 }));
    expect(outcome).toMatchObject({ outcome: 'refused', code: 'constraint', details: { sqlstate: '23514' } });
    expect(await runtime.journal(id)).toHaveLength(1);
  });
});

describe('an internal event', () => {
  it('is ignored and consumed when the state does not take it', async () => {
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    await runtime.post(to, event('finish'));
    await runtime.post(from, event('tell', { to: { actor: to }, ns: [1] }));
    await eventually(async () =>
      expect((await runtime.journal(to)).at(-1)).toMatchObject({ type: 'hear', outcome: 'ignored' }),
    );
    expect(await stage.count('message', `to_id = '${to}'`)).toBe(0);
  });

  it('that is rejected sets the actor aside; a replay applies it when the machine can', async () => {
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    await runtime.post(from, event('pass', { to: { actor: to }, event: { type: 'poison' } }));
    await eventually(async () =>
      expect((await runtime.peek(to))?.quarantined).toEqual({
        reason: expect.stringMatching(/threw/) as string,
      }),
    );
    expect((await runtime.journal(to)).at(-1)).toMatchObject({ type: 'poison', outcome: 'rejected' });
    expect(await runtime.post(to, event('add', { by: 1 }))).toMatchObject({
      outcome: 'refused',
      code: 'quarantined',
    });
    expect(await runtime.replay(to)).toMatchObject({ outcome: 'rejected' });
    expect(await stage.count('actor_quarantine', `actor_id = '${to}'`)).toBe(1);
    await stage.sql.query(
      `UPDATE actor_quarantine SET input = jsonb_set(input, '{event}', '{"type":"add","by":4}') WHERE actor_id = $1`,
      [to],
    );
    expect(await runtime.replay(to)).toMatchObject({ outcome: 'accepted' });
    expect(await runtime.peek(to)).toMatchObject({ quarantined: null, context: { total: 4 } });
    expect(await runtime.replay(to)).toBeNull();
  });

  it('waits while its actor is set aside and comes by itself after the replay', async () => {
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    await runtime.post(
      from,
      event('pass', { to: { actor: to }, event: { type: 'note', key: 'k', value: 9_999 } }),
    );
    await eventually(async () => expect((await runtime.peek(to))?.quarantined).not.toBeNull());
    expect(await stage.count('message', `to_id = '${to}'`)).toBe(1);
    await stage.sql.query(
      `UPDATE message SET event = '{"type":"note","key":"k","value":9}' WHERE to_id = $1`,
      [to],
    );
    expect(await runtime.replay(to)).toBe('lifted');
    await eventually(async () =>
      expect(await stage.count('note', `actor_id = '${to}' AND value = 9`)).toBe(1),
    );
  });
});
