import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';

import { operationsOf } from '../../../src/actors/action-operations.ts';
import { bear } from '../../../src/actors/birth.ts';
import { admit, refuse, refuseUnseen } from '../../../src/actors/door.ts';
import { net } from '../../../src/actors/netting.ts';
import { Registry } from '../../../src/actors/registry.ts';
import { nodeRegistry } from '../support/bench.ts';
import { nodeDefinition, noteWriters } from '../support/machines.ts';
import { event } from '../support/harness.ts';

const registry = nodeRegistry();
const id = '5f0c3f0e-6d5e-4a43-9a53-9d4a4b1f0a11';
const turn = { id, rootId: id, parentId: null, seq: 5, principal: 'p', effectId: null };
const operate = (type: string, params: unknown, waits = { effects: {}, timers: {} }) =>
  operationsOf(registry, turn, waits, [{ type, params }], (child) => bear(registry, child).operations);

describe('an action', () => {
  it('that raises at once or stops nothing leaves no row', () => {
    expect(operate('xstate.raise', { event: { type: 'x' } }).operations).toEqual([]);
    expect(operate('xstate.stopChild', undefined).operations).toEqual([]);
    expect(operate('xstate.stopChild', { id: 'ended' }).operations).toEqual([]);
    expect(operate('xstate.cancel', { sendId: 'unknown' }).operations).toEqual([]);
  });

  it('that raises later under its own name re-arms the timer of that name', () => {
    const { operations, waits } = operate(
      'xstate.raise',
      { delay: 7, event: { type: 'later' } },
      { effects: {}, timers: { later: 2 } },
    );
    expect(operations).toEqual([
      { op: 'disarm', timer: { actorId: id, timerId: 'later', armedSeq: 2 } },
      {
        op: 'arm',
        timer: {
          actorId: id,
          rootId: id,
          timerId: 'later',
          armedSeq: 5,
          delayMs: 7,
          event: { type: 'later' },
        },
      },
    ]);
    expect(waits.timers).toEqual({ later: 5 });
  });

  it('that nobody registered throws', () => {
    expect(() => operate('stranger', {})).toThrow(/nobody registered the action "stranger"/);
  });

  it('may say several things at once', () => {
    const { operations } = operate('create', {
      many: [1, 2].map((child) => ({ child, machine: 'node', input: {} })),
    });
    expect(operations.map(({ op }) => op)).toEqual(['born', 'entry', 'born', 'entry']);
    expect(operate('note.drop', undefined).operations).toMatchObject([{ op: 'write', row: { params: {} } }]);
    expect(operate('xstate.spawnChild', { id: 'work', src: 'node.work' }).operations).toMatchObject([
      { effect: { input: {} } },
    ]);
  });

  it('becomes rows of its own kind', () => {
    const tell = operate('tell', { to: { actor: 'a' }, event: { type: 'hear' } }).operations;
    const set_aside = {
      op: 'quarantine',
      quarantine: { id: 'q', actorId: id, rootId: id, reason: 'r', input: null },
    } as const;
    const plan = net([...tell, set_aside], registry.rowWriters);
    expect(plan.messages).toMatchObject([{ toId: 'a', seq: 5, place: 0 }]);
    expect(plan.quarantines).toEqual([set_aside.quarantine]);
  });
});

describe('a birth', () => {
  it('carries the births of its own first state', () => {
    const nest = setup({ actions: { create: () => undefined } }).createMachine({
      entry: { type: 'create', params: { child: 1, machine: 'node', input: { total: 3 } } },
    });
    const definition = { name: 'nest', version: 1, machine: nest, events: {}, upgrades: {} };
    const nested = new Registry({
      definitions: [definition, nodeDefinition],
      effectKinds: [],
      rowWriters: noteWriters,
    });
    const { operations } = bear(nested, {
      id,
      machine: 'nest',
      rootId: id,
      parentId: null,
      input: {},
      principal: 'p',
    });
    expect(operations.map(({ op }) => op)).toEqual(['born', 'entry', 'born', 'entry']);
    expect(operations[2]).toMatchObject({ actor: { parentId: id, machine: 'node' } });
  });
});

describe('the door', () => {
  const node = registry.get('node');

  it('lets in what is declared, allowed and fits, with the version the caller named', () => {
    expect(refuseUnseen(id, event('add', { by: 1 }))).toBeNull();
    const posted = event('add', { by: 1, more: 'is dropped by the schema' }, { ifVersion: 3 });
    expect(admit(node, posted)).toEqual({
      id: posted.id,
      event: { type: 'add', by: 1 },
      sender: 'operator',
      principal: 'token:test',
      origin: null,
      ifVersion: 3,
    });
    expect(admit(node, event('secret', {}, { sender: 'admin' }))).toMatchObject({
      event: { type: 'secret' },
    });
  });

  it.each([
    ['no actor id', 'x', event('add'), 'unknown_actor'],
    ['no event id', id, event('add', {}, { id: 'x' }), 'invalid_payload'],
    ['an event of XState', id, event('xstate.stop'), 'unknown_event'],
    ['text that can not be stored', id, event('say', { text: '\u0000' }), 'invalid_payload'],
    ['a type that can not be stored', id, event('\ud800'), 'invalid_payload'],
  ])('refuses %s unseen', (_, actorId, posted, code) => {
    expect(refuseUnseen(actorId, posted)).toMatchObject({ code });
  });

  it('refuses what is unknown, not allowed or does not fit', () => {
    expect(admit(node, event('hasOwnProperty'))).toMatchObject({ code: 'unknown_event' });
    expect(admit(node, event('secret'))).toMatchObject({ code: 'sender_not_allowed' });
    expect(admit(node, event('add', { by: '1' }))).toMatchObject({
      code: 'invalid_payload',
      details: { issues: [{ path: 'by' }] },
    });
    expect(refuse('constraint', 'm')).toEqual({ outcome: 'refused', code: 'constraint', message: 'm' });
  });
});
