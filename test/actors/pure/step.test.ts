import { v4, v5 } from 'uuid';
import { describe, expect, it } from 'vitest';

import type { Actor } from '../../../src/actors/actor-state.ts';
import { resolveAddress } from '../../../src/actors/address.ts';
import { bear } from '../../../src/actors/birth.ts';
import type { Incoming, Origin } from '../../../src/actors/incoming.ts';
import { effectResultId, timerEventId } from '../../../src/actors/incoming.ts';
import type { JsonObject } from '../../../src/actors/json.ts';
import type { Operation } from '../../../src/actors/plan.ts';
import { persist, restore, UnreadableSnapshot } from '../../../src/actors/snapshot-codec.ts';
import { step } from '../../../src/actors/step.ts';
import { takeTurn } from '../../../src/actors/turn.ts';
import { nodeRegistry } from '../support/bench.ts';

const registry = nodeRegistry();
const id = '5f0c3f0e-6d5e-4a43-9a53-9d4a4b1f0a11';
const born = (parentId: string | null = null): Actor =>
  bear(registry, { id, machine: 'node', rootId: id, parentId, input: {}, principal: 'test' }).actor;

function incoming(
  type: string,
  payload: JsonObject = {},
  origin: Origin | null = null,
  more: Partial<Incoming> = {},
): Incoming {
  return {
    id: v4(),
    event: { ...payload, type },
    sender: origin === null ? 'operator' : 'effect',
    principal: 'test',
    origin,
    ...more,
  };
}

/** The actor after events that must all be applied. */
function after(...incomings: Incoming[]): { actor: Actor; operations: Operation[] } {
  let actor = born();
  let operations: Operation[] = [];
  for (const one of incomings) {
    const stepped = step(registry, actor, one);
    if (stepped.result !== 'applied') throw new Error(`${one.event.type}: ${stepped.result}`);
    ({ actor, operations } = stepped);
  }
  return { actor, operations };
}

const effectOrigin = (actor: Actor): Origin => ({
  kind: 'effect',
  effectId: actor.state.effects['work'] ?? '',
  attempt: 1,
  invokeId: 'work',
});
const timerId = 'xstate.after.nap.node.napping';
const timerOrigin = (armedSeq: number): Origin => ({ kind: 'timer', timerId, armedSeq });
const messageOrigin: Origin = { kind: 'message', messageId: v4(), fromId: v4(), seq: 1, place: 0 };

describe('a step', () => {
  it('gives the same ids when it is computed again', () => {
    expect(after(incoming('work')).actor.state.effects).toEqual(after(incoming('work')).actor.state.effects);
    expect(effectResultId(id)).toBe(effectResultId(id));
    expect(timerEventId(id, timerId, 2)).not.toBe(timerEventId(id, timerId, 3));
  });

  it('starts an effect for an invoke and takes only its result', () => {
    const { actor, operations } = after(incoming('work', { job: 'j' }));
    expect(operations).toContainEqual({
      op: 'start',
      effect: {
        id: actor.state.effects['work'],
        actorId: id,
        rootId: id,
        invokeId: 'work',
        kind: 'node.work',
        input: { job: 'j' },
      },
    });
    const done = incoming('xstate.done.actor.work', { output: 1 }, effectOrigin(actor));
    expect(step(registry, actor, done)).toMatchObject({
      result: 'applied',
      entry: { outcome: 'accepted', effectId: actor.state.effects['work'] },
    });
    const foreign = { kind: 'effect', effectId: v4(), attempt: 1, invokeId: 'work' } as const;
    expect(step(registry, actor, { ...done, origin: foreign })).toEqual({ result: 'stale' });
  });

  it('does not cancel the effect whose result it applies', () => {
    const { actor } = after(incoming('work'));
    const stepped = step(
      registry,
      actor,
      incoming('xstate.done.actor.work', { output: 1 }, effectOrigin(actor)),
    );
    expect(stepped.result === 'applied' && stepped.operations.map(({ op }) => op)).toEqual([
      'entry',
      'write',
    ]);
    expect(stepped.result === 'applied' && stepped.actor.state.effects).toEqual({});
  });

  it('cancels the effect of a state that is left, and of one that is entered again', () => {
    const { actor } = after(incoming('work'));
    const left = step(registry, actor, incoming('stop'));
    expect(left).toMatchObject({
      operations: [{ op: 'entry' }, { op: 'cancel', effectId: actor.state.effects['work'] }],
    });
    const again = step(registry, actor, incoming('restart'));
    expect(again).toMatchObject({ operations: [{ op: 'entry' }, { op: 'cancel' }, { op: 'start' }] });
  });

  it('takes a timer only at its armed number', () => {
    const { actor } = after(incoming('nap'), incoming('snooze'));
    expect(actor.state.timers).toEqual({ [timerId]: 3 });
    expect(step(registry, actor, incoming(timerId, {}, timerOrigin(2)))).toEqual({ result: 'stale' });
    expect(step(registry, actor, incoming(timerId, {}, timerOrigin(3)))).toMatchObject({
      result: 'applied',
      actor: { state: { timers: {}, snapshot: { value: 'idle' } } },
    });
  });

  it('leaves nothing waiting when the machine ends', () => {
    const { actor } = after(incoming('nap'));
    const stepped = step(registry, actor, incoming('finish'));
    expect(stepped).toMatchObject({ actor: { state: { timers: {}, effects: {} } } });
    const working = after(incoming('work')).actor;
    expect(step(registry, working, incoming('finish'))).toMatchObject({ actor: { state: { effects: {} } } });
  });

  it('drops what a machine still waits for when it ends without leaving the state', () => {
    const { actor } = after(incoming('work'));
    const odd = {
      ...actor,
      state: { ...actor.state, timers: { loose: 1 }, effects: { ...actor.state.effects, loose: v4() } },
    };
    const stepped = step(registry, odd, incoming('finish'));
    expect(stepped.result === 'applied' && stepped.operations.map(({ op }) => op)).toEqual([
      'entry',
      'cancel',
      'cancel',
      'disarm',
    ]);
  });

  it('refuses from outside and ignores from inside what the state does not take', () => {
    expect(step(registry, born(), incoming('snooze'))).toMatchObject({
      result: 'refused',
      code: 'not_enabled',
    });
    expect(step(registry, born(), incoming('snooze', {}, messageOrigin))).toMatchObject({
      result: 'applied',
      entry: { outcome: 'ignored' },
    });
  });

  it('never steps a snapshot that is not active', () => {
    const { actor } = after(incoming('finish'));
    expect(step(registry, actor, incoming('add', { by: 1 }))).toMatchObject({
      result: 'refused',
      code: 'not_active',
    });
    expect(step(registry, actor, incoming('add', { by: 1 }, messageOrigin))).toMatchObject({
      result: 'applied',
      entry: { outcome: 'ignored' },
      actor: { version: 3, state: { snapshot: { context: { total: 0 } } } },
    });
  });

  it('refuses another version than the one it is at', () => {
    expect(step(registry, born(), incoming('noop', {}, null, { ifVersion: 2 }))).toMatchObject({
      code: 'stale_version',
    });
    expect(step(registry, born(), incoming('noop', {}, null, { ifVersion: 1 }))).toMatchObject({
      result: 'applied',
    });
  });

  it.each(['poison', 'explode'])('rejects %s and keeps the state', (type) => {
    const stepped = step(registry, born(), incoming(type));
    expect(stepped).toMatchObject({
      result: 'applied',
      entry: { outcome: 'rejected' },
      actor: { version: 2 },
    });
    expect(stepped.result === 'applied' && stepped.operations.map(({ op }) => op)).toEqual(['entry']);
  });

  it('sets the actor aside when an internal event is rejected, and still waits for it', () => {
    const stepped = step(registry, born(), incoming('poison', {}, messageOrigin));
    expect(stepped).toMatchObject({
      entry: { outcome: 'rejected' },
      operations: [{ op: 'entry' }, { op: 'quarantine' }],
    });
    const { actor } = after(incoming('work'));
    const faulty = incoming('xstate.done.actor.work', {}, effectOrigin(actor), { fault: 'does not fit' });
    expect(step(registry, actor, faulty)).toMatchObject({
      entry: { answer: { reason: 'does not fit' } },
      actor: { state: { effects: actor.state.effects } },
    });
  });

  it('applies a replay as what it came from', () => {
    const { actor } = after(incoming('work'));
    const origin: Origin = { kind: 'quarantine', quarantineId: v4(), of: effectOrigin(actor) };
    expect(step(registry, actor, incoming('xstate.done.actor.work', { output: 1 }, origin))).toMatchObject({
      entry: { outcome: 'accepted', origin: { kind: 'effect' } },
    });
    const bare: Origin = { kind: 'quarantine', quarantineId: v4(), of: null };
    expect(step(registry, actor, incoming('noop', {}, bare))).toMatchObject({
      entry: { outcome: 'accepted' },
    });
  });

  it('rejects a message without a type and one to a family it does not have', () => {
    expect(
      step(registry, born(), incoming('pass', { to: 'parent', event: { type: 'hear', n: 1 } })),
    ).toMatchObject({ entry: { outcome: 'rejected' } });
    expect(
      step(registry, born(), incoming('pass', { to: { sibling: 1 }, event: { type: 'hear', n: 1 } })),
    ).toMatchObject({ entry: { outcome: 'rejected' } });
    expect(step(registry, born(), incoming('pass', { to: { child: 1 }, event: {} }))).toMatchObject({
      entry: { outcome: 'rejected' },
    });
  });
});

describe('an address', () => {
  it('is an id, the parent, a child or a sibling by number', () => {
    const parentId = v4();
    const from = { id, parentId };
    expect(resolveAddress(from, { actor: 'x' })).toBe('x');
    expect(resolveAddress(from, 'parent')).toBe(parentId);
    expect(resolveAddress(from, { child: 2 })).toBe(v5('2', id));
    expect(resolveAddress(from, { sibling: 2 })).toBe(v5('2', parentId));
  });
});

describe('a turn', () => {
  const loaded = (actor: Actor, upgradedFrom: number | null = null) => ({ ...actor, upgradedFrom });

  it('nets what is armed and dropped, started and canceled between its events', () => {
    const turn = takeTurn(
      registry,
      loaded(born()),
      ['work', 'restart', 'stop', 'nap', 'snooze', 'stop', 'blink'].map((type) => incoming(type)),
    );
    expect(turn.plan).toMatchObject({
      effects: [],
      canceledEffects: [],
      timers: [],
      disarmedTimers: [],
      born: [],
    });
    expect(turn.plan.entries.map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(turn).toMatchObject({ base: 1, row: { version: 8 } });
  });

  it('cancels the effect of an earlier turn', () => {
    const { actor } = after(incoming('work'));
    expect(takeTurn(registry, loaded(actor), [incoming('stop')]).plan.canceledEffects).toEqual([
      actor.state.effects['work'],
    ]);
  });

  it('drops the timer of an earlier turn and arms the new one as rows of their own', () => {
    const { actor } = after(incoming('nap'));
    const { plan } = takeTurn(registry, loaded(actor), [incoming('snooze'), incoming('snooze')]);
    expect(plan.disarmedTimers).toEqual([{ actorId: id, timerId, armedSeq: 2 }]);
    expect(plan.timers).toMatchObject([{ timerId, armedSeq: 4, delayMs: 60_000 }]);
  });

  it('keeps the last row of each key and every row of a writer without keys', () => {
    const { plan } = takeTurn(registry, loaded(born()), [
      incoming('notes', { key: 'a' }),
      incoming('note', { key: 'b', value: 1 }),
    ]);
    expect(plan.rows.map(({ writer, params }) => [writer, params])).toEqual([
      ['note.put', { key: 'a', value: 3 }],
      ['note.put', { key: 'b', value: 1 }],
    ]);
  });

  it('stops behind an internal event that was rejected', () => {
    const turn = takeTurn(registry, loaded(born()), [
      incoming('poison', {}, messageOrigin),
      incoming('noop'),
    ]);
    expect(turn.steps).toHaveLength(1);
    expect(turn.inputs).toEqual([messageOrigin]);
  });

  it('writes nothing when all is refused or stale', () => {
    const turn = takeTurn(registry, loaded(born(), 0), [
      incoming('snooze'),
      incoming(timerId, {}, timerOrigin(9)),
    ]);
    expect(turn.plan.entries).toEqual([]);
    expect(turn.steps.map(({ stepped }) => stepped.result)).toEqual(['refused', 'stale']);
  });

  it('begins with the upgrade of what it was loaded from, and callers may name the version they saw', () => {
    const turn = takeTurn(registry, loaded(born(), 0), [incoming('noop', {}, null, { ifVersion: 1 })]);
    expect(turn.plan.entries.map(({ type, seq }) => [type, seq])).toEqual([
      ['actor.upgraded', 2],
      ['noop', 3],
    ]);
  });

  it('bears children with their own first rows', () => {
    const { plan } = takeTurn(registry, loaded(born()), [incoming('bear')]);
    expect(plan.born).toMatchObject([{ id: v5('1', id), parentId: id, version: 1 }]);
    expect(plan.entries.map(({ actorId, type }) => [actorId, type])).toEqual([
      [id, 'bear'],
      [v5('1', id), 'actor.created'],
    ]);
    expect(plan.rows).toMatchObject([{ writer: 'note.put', childId: v5('1', id) }]);
  });
});

describe('a snapshot', () => {
  const { scope } = registry.get('node');

  it('survives JSON in every state, without anything started', () => {
    for (const types of [[], ['work'], ['nap'], ['finish'], ['bear', 'work']]) {
      const { actor } = after(...types.map((type) => incoming(type)));
      const json = JSON.parse(JSON.stringify(persist(actor.state))) as JsonObject;
      const back = restore(scope, json);
      expect(JSON.parse(JSON.stringify(persist(back)))).toEqual(json);
      expect(back.snapshot.value).toEqual(actor.state.snapshot.value);
    }
  });

  it('is small', () => {
    expect(JSON.stringify(persist(after(incoming('work')).actor.state)).length).toBeLessThan(400);
  });

  it('steps the same after it was restored', () => {
    const { actor } = after(incoming('work'));
    const back = {
      ...actor,
      state: restore(scope, JSON.parse(JSON.stringify(persist(actor.state))) as JsonObject),
    };
    for (const one of [incoming('stop'), incoming('restart'), incoming('finish')]) {
      const [kept, restored] = [step(registry, actor, one), step(registry, back, one)];
      if (kept.result !== 'applied' || restored.result !== 'applied') throw new Error('both are applied');
      expect(restored.operations).toEqual(kept.operations);
      expect(persist(restored.actor.state)).toEqual(persist(kept.actor.state));
    }
  });

  it.each([
    ['nothing', {}],
    ['a state that is not there', { status: 'active', value: 'nowhere', context: {} }],
    ['a context that is a list', { status: 'active', value: 'idle', context: [] }],
    ['no context', { status: 'active', value: 'idle', context: null }],
  ])('with %s is unreadable', (_, json) => {
    expect(() => restore(scope, json as JsonObject)).toThrow(UnreadableSnapshot);
  });
});
