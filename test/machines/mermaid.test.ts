import { describe, expect, it } from 'vitest';
import { createMachine, fromPromise, setup } from 'xstate';
import { toDefinition, toMermaid } from '../../src/machines/mermaid.ts';

const door = setup({
  actors: { greet: fromPromise(() => Promise.resolve()) },
  delays: { patience: 1_000 },
  guards: { isTired: () => true },
  actions: { ring: () => undefined },
}).createMachine({
  id: 'door',
  initial: 'shut',
  states: {
    shut: { on: { open: { target: 'ajar', actions: 'ring' }, knock: { actions: { type: 'ring' } } } },
    ajar: {
      description: 'Neither.',
      tags: ['busy'],
      initial: 'a',
      on: { shake: '.b' },
      after: { patience: { guard: 'isTired', target: 'shut' } },
      states: {
        a: { entry: 'ring', exit: 'ring', on: { next: 'b' } },
        b: { always: 'c' },
        c: { invoke: { id: 'greet', src: 'greet', onDone: 'a' } },
      },
    },
  },
});

describe('a drawing', () => {
  it('has nested states, tags, events, delays and guards', () => {
    expect(toMermaid(door)).toBe(
      [
        'stateDiagram-v2',
        '  [*] --> shut',
        '  shut : shut<br/>knock',
        '  state "ajar (busy)" as ajar {',
        '    [*] --> ajar_a',
        '    ajar_a : a',
        '    ajar_b : b',
        '    ajar_c : c<br/>runs greet',
        '  }',
        '  note right of ajar',
        '    shake → b',
        '  end note',
        '  shut --> ajar : open',
        '  ajar --> shut : after patience [isTired]',
        '  ajar_a --> ajar_b : next',
        '  ajar_b --> ajar_c',
        '  ajar_c --> ajar_a : greet done',
        '',
      ].join('\n'),
    );
  });

  it('of a machine without states, or with states side by side, is a drawing, too', () => {
    expect(toMermaid(createMachine({ id: 'nothing' }))).toBe('stateDiagram-v2\n');
    expect(toMermaid(createMachine({ id: 'both', type: 'parallel', states: { a: {}, b: {} } }))).toBe(
      'stateDiagram-v2\n  a : a\n  b : b\n',
    );
  });

  it('comes from a definition by names', () => {
    expect(toDefinition(door)).toEqual({
      id: 'door',
      initial: 'shut',
      states: {
        shut: { on: { open: [{ target: '#door.ajar', actions: ['ring'] }], knock: [{ actions: ['ring'] }] } },
        ajar: {
          description: 'Neither.',
          tags: ['busy'],
          initial: 'a',
          on: { shake: [{ target: '#door.ajar.b' }] },
          after: { patience: [{ target: '#door.shut', guard: 'isTired' }] },
          states: {
            a: { entry: ['ring'], exit: ['ring'], on: { next: [{ target: '#door.ajar.b' }] } },
            b: { always: [{ target: '#door.ajar.c' }] },
            c: { invoke: [{ id: 'greet', src: 'greet', onDone: [{ target: '#door.ajar.a' }], onError: [] }] },
          },
        },
      },
    });
  });
});
