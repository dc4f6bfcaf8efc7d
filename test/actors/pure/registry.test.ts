import { assign, emit, fromPromise, log, setup } from 'xstate';
import { z } from 'zod';
import { describe, expect, it } from 'vitest';

import { actorRows, readActor, WrittenByNewer } from '../../../src/actors/actor-row.ts';
import type { ActorRow } from '../../../src/actors/actor-row.ts';
import { reasonOf } from '../../../src/actors/answer.ts';
import type { ActorDefinition } from '../../../src/actors/definition.ts';
import { admitMessage } from '../../../src/actors/door.ts';
import { fold } from '../../../src/actors/fold.ts';
import type { JournalRow } from '../../../src/actors/journal-row.ts';
import { findUnstorableText } from '../../../src/actors/json.ts';
import { net } from '../../../src/actors/netting.ts';
import { nextEvents } from '../../../src/actors/next-events.ts';
import { Registry } from '../../../src/actors/registry.ts';
import { findFaults } from '../../../src/actors/registry-check.ts';
import { persist, restore } from '../../../src/actors/snapshot-codec.ts';
import { nodeRegistry } from '../support/bench.ts';
import { nodeDefinition, noteWriters } from '../support/machines.ts';

const inert = () => undefined;
const work = fromPromise(() => Promise.resolve(1));

describe('a registry', () => {
  it('finds no fault in a machine whose every name is registered', () => {
    expect(() => nodeRegistry().check()).not.toThrow();
  });

  it('tells every name that nobody registered at once', () => {
    const registry = new Registry({ definitions: [nodeDefinition], effectKinds: [], rowWriters: [] });
    expect(() => registry.check()).toThrow(/"note.put"[^]*"node.work"/);
    expect(() => registry.get('stranger')).toThrow(/no machine named "stranger"/);
  });

  it('finds what the runtime could not carry out', () => {
    const machine = setup({
      actors: { work },
      actions: { named: inert, shout: emit({ type: 'x' }), fine: assign({}) },
      delays: { known: 1 },
    }).createMachine({
      id: 'bad',
      initial: 'a',
      entry: ['fine', 'named', 'shout', log('x'), inert, () => undefined],
      states: {
        a: {
          invoke: [
            { src: 'work' },
            { id: 'inline', src: work as unknown as 'work', onDone: 'b', onError: 'b' },
            { id: 'system', systemId: 'system', src: 'work', onDone: 'b', onError: 'b' },
          ],
          after: { known: 'b', 1000: 'b' },
        },
        b: { always: [{ guard: () => false, actions: { type: 'named' } }] },
      },
    });
    const definition: ActorDefinition = {
      name: 'bad',
      version: 3,
      machine,
      upgrades: { 2: (snapshot) => snapshot },
      events: { 'xstate.init': { schema: z.object({}), senders: ['admin'], description: '' } },
    };
    const faults = findFaults(definition, { effectKinds: [], rowWriters: [] });
    expect(faults.join('\n')).toBe(
      [
        'nobody registered the action "named" in "bad"',
        'the action "xstate.emit" has no durable form in "bad"',
        'the action "xstate.log" has no durable form in "bad"',
        'the inline function "inert" would never run in "bad"',
        'the inline function "" would never run in "bad"',
        'the invoke "0.bad.a" in "bad.a" needs an explicit id, or its stored events lose their name',
        'nobody registered the effect "work"',
        'the invoke "0.bad.a" in "bad.a" has no onDone',
        'the invoke "0.bad.a" in "bad.a" has no onError',
        'the invoke "inline" in "bad.a" needs a src named in setup',
        'the invoke "system" in "bad.a" has a systemId, which nothing can look up',
        'nobody registered the effect "work"',
        'the delay "1000" in "bad.a" has no name in setup',
        'nobody registered the action "named" in "bad.b"',
        'no upgrade from version 1',
        `the event "xstate.init" is in XState's own namespace`,
      ]
        .map((fault) => `bad: ${fault}`)
        .join('\n'),
    );
  });
});

describe('what may come next', () => {
  const machine = setup({
    types: { context: {} as { open: boolean }, events: {} as { type: string; value?: number } },
    guards: {
      isOpen: ({ context }) => context.open,
      isBig: ({ event }) => (event.value ?? 0) > 3,
      hasValue: ({ event }) => 'value' in event && Object.keys(event).length > 3,
      copies: ({ event }) => ({ ...event }).value === 9,
      throws: () => {
        throw new Error('no');
      },
    },
  }).createMachine({
    context: { open: false },
    on: {
      'by.context': { guard: 'isOpen' },
      'by.payload': { guard: 'isBig' },
      'by.presence': { guard: 'hasValue' },
      'by.copy': { guard: 'copies' },
      'by.throw': { guard: 'throws' },
      plain: {},
      inner: {},
    },
  });
  const spec = (senders: ActorDefinition['events'][string]['senders']) => ({
    schema: z.object({}),
    senders,
    description: '',
  });
  const definition: ActorDefinition = {
    name: 'n',
    version: 1,
    machine,
    upgrades: {},
    events: {
      'by.context': spec(['operator']),
      'by.payload': spec(['operator']),
      'by.presence': spec(['operator']),
      'by.copy': spec(['operator']),
      'by.throw': spec(['operator']),
      plain: spec(['agent']),
      inner: spec(['message']),
      absent: spec(['operator']),
    },
  };
  const registered = new Registry({ definitions: [definition], effectKinds: [], rowWriters: [] }).get('n');
  const { snapshot } = registered.scope.initial({});

  it('is what the state takes, guards on the context decided and guards on the payload left open', () => {
    expect(nextEvents(registered, snapshot)).toEqual([
      'by.payload',
      'by.presence',
      'by.copy',
      'by.throw',
      'plain',
    ]);
  });

  it('is only what the sender may send', () => {
    expect(nextEvents(registered, snapshot, 'agent')).toEqual(['plain']);
    expect(nextEvents(registered, snapshot, 'admin')).not.toContain('plain');
    expect(nextEvents(registered, snapshot, 'timer')).toContain('plain');
  });
});

describe('a history state', () => {
  it('survives JSON', () => {
    const machine = setup({}).createMachine({
      id: 'h',
      initial: 'in',
      context: {},
      states: {
        in: {
          initial: 'a',
          states: { a: { on: { go: 'b' } }, b: {}, back: { type: 'history' } },
          on: { out: 'out' },
        },
        out: { on: { back: 'in.back' } },
      },
      output: () => 1,
    });
    const { scope } = new Registry({
      definitions: [{ name: 'h', version: 1, machine, events: {}, upgrades: {} }],
      effectKinds: [],
      rowWriters: [],
    }).get('h');
    let { snapshot } = scope.initial({});
    for (const type of ['go', 'out']) ({ snapshot } = scope.transition(snapshot, { type }));
    const json = JSON.parse(JSON.stringify(persist({ snapshot, effects: {}, timers: {} }))) as Parameters<
      typeof restore
    >[1];
    expect(scope.transition(restore(scope, json).snapshot, { type: 'back' }).snapshot.value).toEqual({
      in: 'b',
    });
  });

  it('and the output and error of an ended machine survive too', () => {
    const { scope } = nodeRegistry().get('node');
    const json = { status: 'done', value: 'done', context: {}, output: 1, error: 'e' };
    expect(persist(restore(scope, json))).toEqual(json);
  });
});

describe('a row of an actor', () => {
  const row = (more: Partial<ActorRow>): ActorRow => ({
    id: 'i',
    machine: 'node',
    machine_version: 1,
    version: '3',
    status: 'active',
    root_id: 'r',
    parent_id: null,
    snapshot: { status: 'active', value: 'idle', context: {} },
    updated_at: new Date(0),
    entered_at: new Date(0),
    quarantine: null,
    ...more,
  });

  it('is read at its version', () => {
    expect(actorRows).toContain('FROM actor a');
    expect(readActor(nodeRegistry(), row({}))).toMatchObject({ version: 3, upgradedFrom: null });
  });

  it('is upgraded one version at a time, and unreadable where an upgrade is missing or throws', () => {
    const upgrades = {
      1: (snapshot: object) => ({ ...snapshot, value: 'napping' }),
      2: () => {
        throw new Error('no');
      },
    };
    const registryAt = (version: number) =>
      new Registry({
        definitions: [{ ...nodeDefinition, version, upgrades }],
        effectKinds: [],
        rowWriters: [],
      });
    const { state, upgradedFrom } = readActor(registryAt(2), row({}));
    expect([state.snapshot.value, upgradedFrom]).toEqual(['napping', 1]);
    expect(() => readActor(registryAt(3), row({}))).toThrow(/from version 2 of node threw/);
    expect(() => readActor(registryAt(4), row({ machine_version: 3 }))).toThrow(/no upgrade from version 3/);
  });

  it('of a newer release or an unknown machine is not read', () => {
    expect(() => readActor(nodeRegistry(), row({ machine_version: 2 }))).toThrow(WrittenByNewer);
    expect(() => readActor(nodeRegistry(), row({ machine: 'stranger' }))).toThrow(/no machine named/);
  });
});

describe('text that jsonb can not hold', () => {
  it.each([
    [{ a: ['fine', { b: 'x\u0000' }] }, '$.a[1].b'],
    [{ a: '\ud800' }, '$.a'],
    [{ 'k\u0000': 1 }, '$ (a key)'],
    [{ a: [1, null, true, 'ok 😀'] }, null],
  ])('is found where it is', (value, path) => {
    expect(findUnstorableText(value)).toBe(path);
  });

  it('is not in a reason', () => {
    expect(reasonOf(new Error(`a\u0000b\ud800${'x'.repeat(600)}`))).toHaveLength(500);
    expect(reasonOf('text')).toBe('text');
  });
});

describe('netting', () => {
  const row = (writer: string, params: object) =>
    ({
      op: 'write',
      row: {
        writer,
        actorId: 'a',
        rootId: 'a',
        parentId: null,
        seq: 1,
        childId: null,
        effectId: null,
        params: params as { key?: string },
      },
    }) as const;

  it('keeps all rows of a writer without key, and one per actor of a writer that only replaces', () => {
    const plain = { name: 'log', columns: {}, statement: () => '' };
    const single = { name: 'one', replaces: ['other'], columns: {}, statement: () => '' };
    const keyed = {
      name: 'keyed',
      key: ({ key }: { key?: unknown }) => String(key),
      columns: {},
      statement: () => '',
    };
    const writers = new Map([plain, single, keyed, ...noteWriters].map((writer) => [writer.name, writer]));
    const { rows } = net(
      [
        row('log', {}),
        row('log', {}),
        row('one', { n: 1 }),
        row('one', { n: 2 }),
        row('keyed', { key: 'k' }),
        row('keyed', { key: 'k' }),
        row('stranger', {}),
      ],
      writers,
    );
    expect(rows.map(({ writer, params }) => [writer, params])).toEqual([
      ['log', {}],
      ['log', {}],
      ['one', { n: 2 }],
      ['keyed', { key: 'k' }],
      ['stranger', {}],
    ]);
  });
});

describe('a message at the door', () => {
  const registered = nodeRegistry().get('node');
  const message = (event: { type: string; [key: string]: unknown }) =>
    admitMessage(registered, {
      id: 'm',
      event: event as { type: string },
      sender: 'message',
      principal: 'p',
      origin: null,
    });

  it('is taken when the receiver declares it', () => {
    expect(message({ type: 'hear', n: 1 })).toMatchObject({ event: { type: 'hear', n: 1 } });
    expect(message({ type: 'hear', n: 1 }).fault).toBeUndefined();
  });

  it('is a fault when it is unknown, not for messages, or does not fit', () => {
    expect(message({ type: 'toString' }).fault).toMatch(/takes no message/);
    expect(message({ type: 'noop' }).fault).toMatch(/takes no message/);
    expect(message({ type: 'hear', n: 'one' }).fault).toMatch(/"hear": n /);
  });
});

describe('a fold', () => {
  const entry = (more: Partial<JournalRow>): JournalRow => ({
    actor_id: '5f0c3f0e-6d5e-4a43-9a53-9d4a4b1f0a11',
    root_id: 'r',
    machine: 'node',
    seq: '1',
    event_id: 'e',
    type: 'actor.created',
    event: { type: 'actor.created', input: {} },
    sender: 'runtime',
    principal: 'p',
    outcome: 'accepted',
    answer: { state: 'idle', tags: [], next: [] },
    effect_id: null,
    origin: null,
    xid: '1',
    at: new Date(0),
    ...more,
  });
  const add = (seq: number, more: Partial<JournalRow> = {}) =>
    entry({ seq: String(seq), type: 'add', event: { type: 'add', by: 2 }, sender: 'operator', ...more });

  it('applies what was accepted and skips what was rejected', () => {
    const actor = fold(nodeRegistry(), null, [entry({}), add(2), add(3, { outcome: 'rejected' }), add(4)]);
    expect([actor.version, actor.state.snapshot.context]).toEqual([4, expect.objectContaining({ total: 4 })]);
  });

  it('starts at the newest whole snapshot', () => {
    const snapshot = { status: 'active', value: 'idle', context: { total: 100 } };
    const upgraded = entry({ seq: '3', type: 'actor.upgraded', event: { type: 'actor.upgraded', snapshot } });
    expect(
      fold(nodeRegistry(), null, [entry({}), add(2), upgraded, add(4)]).state.snapshot.context,
    ).toMatchObject({ total: 102 });
  });

  it('refuses a gap, a missing start, and an outcome that would be another today', () => {
    expect(() => fold(nodeRegistry(), null, [entry({}), add(3)])).toThrow(/entry 3 follows entry 1/);
    expect(() => fold(nodeRegistry(), null, [add(2)])).toThrow(/no entry to start from/);
    const snooze = { type: 'snooze', event: { type: 'snooze' } };
    expect(() => fold(nodeRegistry(), null, [entry({}), add(2, snooze)])).toThrow(
      /was accepted and is refused now/,
    );
    expect(() =>
      fold(nodeRegistry(), null, [entry({}), add(2, { type: 'poison', event: { type: 'poison' } })]),
    ).toThrow(/is rejected now/);
  });
});
