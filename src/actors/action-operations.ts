import { v5 } from 'uuid';

import type { ActorState } from './actor-state.ts';
import type { Address } from './address.ts';
import { childId, resolveAddress } from './address.ts';
import type { JsonObject } from './json.ts';
import type { Operation } from './plan.ts';
import type { Registry } from './registry.ts';
import type { NewActor } from './runtime.ts';
import type { ResolvedAction } from './scope.ts';

/** Whose turn it is, and which. */
export interface TurnOf {
  readonly id: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly seq: number;
  readonly principal: string;
  /** The effect whose result is being applied, for row writers. */
  readonly effectId: string | null;
}

/** The first turn of a child, which is part of its parent's. Handed in, because that turn has actions of its own. */
export type Bear = (newborn: NewActor) => readonly Operation[];

type Waits = Pick<ActorState, 'effects' | 'timers'>;

/**
 * Turns the actions of one transition into operations, and tells which effects and timers the actor waits for afterwards.
 * Ids come from the turn's number and the action's place, so a turn that is computed again gives the same ones.
 */
export function operationsOf(
  registry: Registry,
  turn: TurnOf,
  waits: Waits,
  actions: readonly ResolvedAction[],
  bear: Bear,
): { operations: Operation[]; waits: Waits } {
  const translation = new Translation(registry, turn, waits, bear);
  for (const action of actions) translation.take(action);
  return translation.done();
}

class Translation {
  readonly #registry: Registry;
  readonly #turn: TurnOf;
  readonly #bear: Bear;
  readonly #effects: Record<string, string>;
  readonly #timers: Record<string, number>;
  readonly #operations: Operation[] = [];
  #started = 0;
  #told = 0;

  constructor(registry: Registry, turn: TurnOf, waits: Waits, bear: Bear) {
    this.#bear = bear;
    this.#registry = registry;
    this.#turn = turn;
    this.#effects = { ...waits.effects };
    this.#timers = { ...waits.timers };
  }

  take({ type, params }: ResolvedAction): void {
    switch (type) {
      case 'xstate.spawnChild':
        return this.#start(params as { id: string; src: string; input?: JsonObject });
      case 'xstate.stopChild':
        return this.#cancel((params as { id: string } | undefined)?.id);
      case 'xstate.raise':
        return this.#arm(params as { id?: string; delay?: number; event: JsonObject & { type: string } });
      case 'xstate.cancel':
        return this.#disarm((params as { sendId: string }).sendId);
      case 'tell':
        for (const one of many(params)) this.#tell(one);
        return;
      case 'create':
        for (const one of many(params)) this.#create(one);
        return;
      default:
        for (const one of many(params)) this.#write(type, one);
    }
  }

  done(): { operations: Operation[]; waits: Waits } {
    return { operations: this.#operations, waits: { effects: this.#effects, timers: this.#timers } };
  }

  #start({ id: invokeId, src, input }: { id: string; src: string; input?: JsonObject }): void {
    const { id: actorId, rootId, seq } = this.#turn;
    const id = v5(`effect/${seq}/${this.#started}`, actorId);
    this.#started += 1;
    this.#effects[invokeId] = id;
    this.#operations.push({
      op: 'start',
      effect: { id, actorId, rootId, invokeId, kind: src, input: input ?? {} },
    });
  }

  #cancel(invokeId: string | undefined): void {
    // An invoke whose effect has ended is left with nothing to cancel.
    const effectId = invokeId === undefined ? undefined : this.#effects[invokeId];
    if (invokeId === undefined || effectId === undefined) return;
    delete this.#effects[invokeId];
    this.#operations.push({ op: 'cancel', effectId });
  }

  #arm({ id, delay, event }: { id?: string; delay?: number; event: JsonObject & { type: string } }): void {
    // Without a delay it was an internal event, and the transition has already taken it.
    if (delay === undefined) return;
    const { id: actorId, rootId, seq } = this.#turn;
    const timerId = id ?? event.type;
    this.#disarm(timerId);
    this.#timers[timerId] = seq;
    this.#operations.push({
      op: 'arm',
      timer: { actorId, rootId, timerId, armedSeq: seq, delayMs: delay, event },
    });
  }

  #disarm(timerId: string): void {
    const armedSeq = this.#timers[timerId];
    if (armedSeq === undefined) return;
    delete this.#timers[timerId];
    this.#operations.push({ op: 'disarm', timer: { actorId: this.#turn.id, timerId, armedSeq } });
  }

  #tell(params: JsonObject): void {
    const { to, event } = params as unknown as { to: Address; event: JsonObject };
    if (typeof event.type !== 'string') throw new Error('a message needs an event with a type');
    const { id: fromId, rootId, seq } = this.#turn;
    const toId = resolveAddress(this.#turn, to);
    const place = this.#told;
    this.#told += 1;
    const id = v5(`message/${seq}/${place}`, fromId);
    this.#operations.push({ op: 'tell', message: { id, fromId, toId, rootId, seq, place, event } });
  }

  #create(params: JsonObject): void {
    const { child, machine, input } = params as unknown as {
      child: number;
      machine: string;
      input: JsonObject;
    };
    const { id: parentId, rootId, principal } = this.#turn;
    const id = childId(parentId, child);
    this.#operations.push(...this.#bear({ id, machine, rootId, parentId, input, principal }));
  }

  #write(writer: string, params: JsonObject): void {
    if (!this.#registry.rowWriters.has(writer)) throw new Error(`nobody registered the action "${writer}"`);
    const { id: actorId, rootId, parentId, seq, effectId } = this.#turn;
    const ordinal = params.child;
    const row = { writer, actorId, rootId, parentId, seq, effectId, params };
    this.#operations.push({
      op: 'write',
      row: { ...row, childId: typeof ordinal === 'number' ? childId(actorId, ordinal) : null },
    });
  }
}

/** One set of parameters, or `{many: [...]}` of them. */
function many(params: unknown): readonly JsonObject[] {
  const object = (params ?? {}) as JsonObject;
  return Array.isArray(object.many) ? (object.many as JsonObject[]) : [object];
}
