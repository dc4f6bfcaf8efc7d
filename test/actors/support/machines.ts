import { assign, enqueueActions, fromPromise, setup } from 'xstate';
import { z } from 'zod';

import type { ActorDefinition } from '../../../src/actors/definition.ts';
import type { EffectRegistration } from '../../../src/actors/effects.ts';
import type { RowWriter } from '../../../src/actors/row-writer.ts';

const number = z.number();
const text = z.string().max(10_000);

/** One of everything the runtime has to carry. */
export const nodeEvents = {
  add: {
    schema: z.object({ by: number }),
    senders: ['operator', 'message'],
    description: 'adds to the total',
  },
  noop: { schema: z.object({}), senders: ['operator'], description: 'is taken and changes nothing' },
  secret: { schema: z.object({}), senders: ['admin'], description: 'is for admins' },
  poison: { schema: z.object({}), senders: ['operator', 'message'], description: 'has a guard that throws' },
  explode: { schema: z.object({}), senders: ['operator'], description: 'has an assign that throws' },
  say: { schema: z.object({ text }), senders: ['operator'], description: 'keeps a text' },
  note: {
    schema: z.object({ key: text, value: number }),
    senders: ['operator', 'message'],
    description: 'writes a row',
  },
  notes: {
    schema: z.object({ key: text }),
    senders: ['operator'],
    description: 'writes and drops rows of one key',
  },
  tell: {
    schema: z.object({ to: z.any(), ns: z.array(number) }),
    senders: ['operator'],
    description: 'tells numbers',
  },
  pass: {
    schema: z.object({ to: z.any(), event: z.any() }),
    senders: ['operator'],
    description: 'tells any event',
  },
  hear: {
    schema: z.object({ n: number }),
    senders: ['message', 'operator'],
    description: 'remembers a number',
  },
  bear: { schema: z.object({}), senders: ['operator'], description: 'creates a child' },
  twin: { schema: z.object({}), senders: ['operator'], description: 'creates child 1 again' },
  work: {
    schema: z.object({ job: text.optional() }),
    senders: ['operator', 'message'],
    description: 'starts the effect',
  },
  restart: { schema: z.object({}), senders: ['operator'], description: 'starts the effect anew' },
  stop: { schema: z.object({}), senders: ['operator'], description: 'leaves the waiting state' },
  nap: { schema: z.object({}), senders: ['operator'], description: 'arms the timer' },
  snooze: { schema: z.object({}), senders: ['operator'], description: 'arms the timer anew' },
  blink: {
    schema: z.object({}),
    senders: ['operator'],
    description: 'arms the timer and drops it in one turn',
  },
  settle: { schema: z.object({}), senders: ['operator'], description: 'tells the parent and rests' },
  close: { schema: z.object({}), senders: ['operator'], description: 'ends when no child is open' },
  'child.settled': { schema: z.object({}), senders: ['message'], description: 'a child has settled' },
  finish: { schema: z.object({}), senders: ['operator'], description: 'ends' },
} satisfies ActorDefinition['events'];

type NodeEvent = {
  [Type in keyof typeof nodeEvents]: { type: Type } & z.infer<(typeof nodeEvents)[Type]['schema']>;
}[keyof typeof nodeEvents];

interface NodeContext {
  total: number;
  heard: number[];
  children: number;
  open: number;
  naps: number;
  said: string;
  job: string;
  result: unknown;
}

interface NodeInput {
  total?: number | undefined;
}

const inert = (_args: unknown, _params: object) => undefined;

const nodeSetup = setup({
  types: {
    context: {} as NodeContext,
    events: {} as NodeEvent,
    input: Object.create(null) as NodeInput,
    tags: {} as 'waiting' | 'busy' | 'needs_you' | 'settled',
  },
  actors: {
    'node.work': fromPromise<unknown, { job: string }>(() => Promise.reject(new Error('never run'))),
  },
  actions: {
    tell: inert,
    create: inert,
    'note.put': inert,
    'note.drop': inert,
    add: assign(({ context, event }) => (event.type === 'add' ? { total: context.total + event.by } : {})),
    hear: assign(({ context, event }) =>
      event.type === 'hear' ? { heard: [...context.heard, event.n] } : {},
    ),
    explode: assign(() => {
      throw new Error('the assign threw');
    }),
    say: assign(({ event }) => (event.type === 'say' ? { said: event.text } : {})),
    bear: enqueueActions(({ context, enqueue }) => {
      const child = context.children + 1;
      enqueue.assign({ children: child, open: context.open + 1 });
      enqueue({ type: 'create', params: { child, machine: 'node', input: { total: child } } });
      enqueue({ type: 'note.put', params: { key: `child ${child}`, value: child, child } });
    }),
    tellAll: enqueueActions(({ event, enqueue }) => {
      if (event.type !== 'tell') return;
      enqueue({
        type: 'tell',
        params: { many: event.ns.map((n) => ({ to: event.to, event: { type: 'hear', n } })) },
      });
    }),
    countNap: assign(({ context }) => ({ naps: context.naps + 1 })),
  },
  guards: {
    isPoisonous: () => {
      throw new Error('the guard threw');
    },
    isNoneOpen: ({ context }) => context.open === 0,
  },
  delays: { nap: 60_000 },
});

export const nodeMachine = nodeSetup.createMachine({
  id: 'node',
  context: ({ input }) => ({
    total: input.total ?? 0,
    heard: [],
    children: 0,
    open: 0,
    naps: 0,
    said: '',
    job: '',
    result: null,
  }),
  initial: 'idle',
  on: {
    add: { actions: 'add' },
    hear: { actions: 'hear' },
    noop: {},
    poison: { guard: 'isPoisonous', actions: 'add' },
    explode: { actions: 'explode' },
    say: { actions: 'say' },
    bear: { actions: 'bear' },
    note: { actions: { type: 'note.put', params: ({ event }) => ({ key: event.key, value: event.value }) } },
    notes: {
      actions: [
        { type: 'note.put', params: ({ event }) => ({ key: event.key, value: 1 }) },
        { type: 'note.put', params: ({ event }) => ({ key: event.key, value: 2 }) },
        { type: 'note.drop', params: ({ event }) => ({ key: event.key }) },
        { type: 'note.put', params: ({ event }) => ({ key: event.key, value: 3 }) },
      ],
    },
    twin: { actions: { type: 'create', params: { child: 1, machine: 'node', input: {} } } },
    tell: { actions: 'tellAll' },
    pass: {
      actions: {
        type: 'tell',
        params: ({ event }) => ({ to: event.to as object, event: event.event as object }),
      },
    },
    'child.settled': { actions: assign(({ context }) => ({ open: context.open - 1 })) },
  },
  states: {
    idle: {
      tags: 'waiting',
      on: {
        work: { target: 'working', actions: assign(({ event }) => ({ job: event.job ?? '' })) },
        nap: 'napping',
        blink: 'blinking',
        settle: {
          target: 'settled',
          actions: { type: 'tell', params: { to: 'parent', event: { type: 'child.settled' } } },
        },
        close: { target: 'done', guard: 'isNoneOpen' },
        finish: 'done',
        secret: {},
      },
    },
    working: {
      tags: 'busy',
      invoke: {
        id: 'work',
        src: 'node.work',
        input: ({ context }) => ({ job: context.job }),
        onDone: {
          target: 'idle',
          actions: [
            assign(({ event }) => ({ result: event.output })),
            { type: 'note.put', params: { key: 'result', value: 1 } },
          ],
        },
        onError: { target: 'failed', actions: assign(({ event }) => ({ result: event.error })) },
      },
      on: { restart: { target: 'working', reenter: true }, stop: 'idle', finish: 'done' },
    },
    napping: {
      tags: 'waiting',
      after: { nap: { target: 'idle', actions: 'countNap' } },
      on: { snooze: { target: 'napping', reenter: true }, stop: 'idle', finish: 'done' },
    },
    blinking: { after: { nap: 'idle' }, always: 'idle' },
    failed: { tags: 'needs_you', on: { work: 'working' } },
    settled: { tags: 'settled' },
    done: { type: 'final' },
  },
});

export const nodeDefinition: ActorDefinition = {
  name: 'node',
  version: 1,
  machine: nodeMachine,
  events: nodeEvents,
  upgrades: {},
};

export const noteWriters: readonly RowWriter[] = [
  {
    name: 'note.put',
    key: ({ key }) => JSON.stringify(key),
    replaces: ['note.drop'],
    columns: { key: 'text', value: 'integer' },
    statement: (rows) =>
      `INSERT INTO note (actor_id, key, value, seq, child_id, effect_id) SELECT actor_id, key, value, seq, child_id, effect_id FROM ${rows} x
       ON CONFLICT (actor_id, key) DO UPDATE SET value = excluded.value, writes = note.writes + 1`,
  },
  {
    name: 'note.drop',
    key: ({ key }) => JSON.stringify(key),
    replaces: ['note.put'],
    columns: { key: 'text' },
    statement: (rows) => `DELETE FROM note n USING ${rows} x WHERE n.actor_id = x.actor_id AND n.key = x.key`,
  },
];

export const noteTable = `CREATE TABLE note (actor_id uuid, key text, value integer NOT NULL CHECK (value < 1000), seq bigint,
  child_id uuid, effect_id uuid, writes integer NOT NULL DEFAULT 1, PRIMARY KEY (actor_id, key))`;

/** An effect that gives back its job. */
export const echo: EffectRegistration = { run: ({ input }) => Promise.resolve({ echo: input.job ?? null }) };
