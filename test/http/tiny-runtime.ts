import { randomUUID } from 'node:crypto';
import { enqueueActions, setup } from 'xstate';
import { z } from 'zod';
import { createRuntime } from '../../src/actors/create-runtime.ts';
import type { JsonObject } from '../../src/actors/json.ts';
import type { Runtime } from '../../src/actors/runtime.ts';
import type { SqlPool } from '../../src/actors/sql.ts';
import type { MachineDefinition } from '../../src/machines/definitions.ts';
import type { TransitionService } from '../../src/services/contracts.ts';
import { Refusal } from '../../src/errors.ts';
import { sampleServices } from './sample-services.ts';

const events = {
  'work.start': {
    schema: z.strictObject({ title: z.string() }),
    senders: ['admin', 'operator'],
    description: 'Begins.',
  },
  'work.stop': { schema: z.strictObject({}), senders: ['admin', 'operator'], description: 'Ends.' },
  'work.judge': { schema: z.strictObject({}), senders: ['admin', 'reviewer'], description: 'Is judged.' },
  'work.split': { schema: z.strictObject({}), senders: ['admin'], description: 'Gets a child.' },
} as const satisfies MachineDefinition['events'];

/** Runs, rests and has children; context with something in it that nobody else may see. */
const machine = setup({
  types: {
    context: {} as { round: number; children: number; lease: string },
    events: {} as { type: keyof typeof events },
    tags: {} as 'waiting' | 'busy',
  },
  actions: {
    create: (_args: unknown, _params: object) => undefined,
    split: enqueueActions(({ context, enqueue }) => {
      const child = context.children + 1;
      enqueue.assign({ children: child });
      enqueue({ type: 'create', params: { child, machine: 'task', input: {} } });
    }),
  },
}).createMachine({
  id: 'tiny',
  context: { round: 1, children: 0, lease: 'a secret of the lease' },
  initial: 'resting',
  on: { 'work.split': { actions: 'split' } },
  states: {
    resting: { tags: 'waiting', on: { 'work.start': 'running' } },
    running: { tags: 'busy', on: { 'work.stop': 'resting', 'work.judge': 'resting' } },
  },
});

export const tinyDefinitions: readonly MachineDefinition[] = (['initiative', 'task'] as const).map(
  (name) => ({
    name,
    version: 1,
    machine,
    events,
    upgrades: {},
  }),
);

export interface TinyRuntime {
  readonly runtime: Runtime;
  /** A new root actor. */
  born(): Promise<string>;
  post(actorId: string, type: keyof typeof events, payload?: JsonObject): Promise<void>;
}

/** The real runtime over a real database, with a machine small enough to see through. */
export async function startTinyRuntime(sql: SqlPool): Promise<TinyRuntime> {
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const runtime = createRuntime({
    sql,
    definitions: tinyDefinitions,
    effects: {},
    rowWriters: [],
    instanceId: randomUUID(),
    log: quiet,
    clock: { pollMs: 50, notifyMs: 5 },
  });
  await runtime.start();
  return {
    runtime,
    async born() {
      const id = randomUUID();
      const actor = { id, machine: 'initiative', rootId: id, parentId: null, input: {}, principal: 'test' };
      await sql.transaction((tx) => runtime.create(tx, [actor]));
      runtime.wake();
      return id;
    },
    async post(actorId, type, payload = {}) {
      const outcome = await runtime.post(actorId, {
        id: randomUUID(),
        type,
        payload,
        sender: 'admin',
        principal: 'test',
      });
      if (outcome.outcome !== 'accepted')
        throw new Error(`${type} was ${outcome.outcome}: ${JSON.stringify(outcome)}`);
    },
  };
}

/** The door of the tests over the real runtime: each refusal and duplicate is the runtime's own. */
export function tinyTransitions(runtime: Runtime): TransitionService {
  return {
    events: sampleServices().transitions.events,
    async send(kind, id, { eventId, type, payload, ifVersion }, { scope, tokenId }) {
      const outcome = await runtime.post(id, {
        id: eventId,
        type,
        payload: payload as JsonObject,
        sender: scope === 'viewer' ? 'agent' : scope,
        principal: `token:${tokenId}`,
        ...(ifVersion === null ? {} : { ifVersion }),
      });
      if (outcome.outcome === 'refused') {
        const { code, message, version, state } = outcome;
        throw new Refusal(code === 'unknown_actor' ? `unknown_${kind}` : code, message, {
          details: { version, state },
        });
      }
      if (outcome.outcome === 'rejected') throw new Refusal('event_rejected', outcome.reason ?? 'rejected');
      const { version, state, tags, next } = outcome;
      return { outcome: outcome.outcome, id, kind, eventId, version, state: state as string, tags, next };
    },
    replay: (_kind, id) => Promise.reject(new Refusal('not_quarantined', `${id} is not set aside`)),
  };
}
