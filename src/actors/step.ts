import { isDeepStrictEqual } from 'node:util';

import { v5 } from 'uuid';

import { operationsOf } from './action-operations.ts';
import type { Actor, ActorState } from './actor-state.ts';
import { answerOf, reasonOf } from './answer.ts';
import { bear } from './birth.ts';
import type { Incoming, Origin } from './incoming.ts';
import { rootOrigin } from './incoming.ts';
import type { RefusalReason } from './outcome.ts';
import type { Operation, PlannedEntry } from './plan.ts';
import type { Registry } from './registry.ts';
import type { Move } from './scope.ts';
import { settle } from './settle.ts';

/** What an event does to an actor; nothing has been written yet. */
export type Stepped =
  | { readonly result: 'refused'; readonly code: RefusalReason; readonly message: string }
  /** A late internal event: the state no longer waits for it. */
  | { readonly result: 'stale' }
  | {
      readonly result: 'applied';
      readonly actor: Actor;
      readonly entry: PlannedEntry;
      readonly operations: Operation[];
      /**
       * Whether it has come into the state that it is in: from another one, or into the same anew (`reenter`). What leaves a state
       * and is back in it within one event is no entry.
       */
      readonly hasEntered: boolean;
    };

type Applied = Extract<Stepped, { result: 'applied' }>;

/** Applies one event to one actor, purely. `visibleVersion` is what callers have seen, when an unsaved upgrade came before. */
export function step(
  registry: Registry,
  actor: Actor,
  incoming: Incoming,
  visibleVersion = actor.version,
): Stepped {
  const { snapshot } = actor.state;
  if (isStale(actor.state, rootOrigin(incoming.origin))) return { result: 'stale' };
  if (incoming.ifVersion !== undefined && incoming.ifVersion !== visibleVersion) {
    return {
      result: 'refused',
      code: 'stale_version',
      message: `the actor is at version ${visibleVersion}, not ${incoming.ifVersion}`,
    };
  }
  const isInternal = incoming.origin !== null;
  if (snapshot.status !== 'active') {
    if (isInternal) return ignore(registry, actor, incoming, 'the actor has ended');
    return { result: 'refused', code: 'not_active', message: 'the actor has ended and takes no more events' };
  }
  if (incoming.fault !== undefined) return reject(registry, actor, incoming, incoming.fault);
  const { scope } = registry.get(actor.machine);
  try {
    const taken = scope.transitionsFor(snapshot, incoming.event);
    if (taken.length === 0) {
      if (isInternal) return ignore(registry, actor, incoming, 'the state does not take it');
      return {
        result: 'refused',
        code: 'not_enabled',
        message: `"${incoming.event.type}" is not possible now`,
      };
    }
    const move = scope.transition(snapshot, incoming.event);
    const hasEntered =
      taken.some(({ reenter }) => reenter) || !isDeepStrictEqual(snapshot.value, move.snapshot.value);
    return { ...accept(registry, actor, incoming, move), hasEntered };
  } catch (thrown) {
    return reject(registry, actor, incoming, reasonOf(thrown));
  }
}

function isStale(state: ActorState, origin: Exclude<Origin, { kind: 'quarantine' }> | null): boolean {
  if (origin?.kind === 'effect') return state.effects[origin.invokeId] !== origin.effectId;
  if (origin?.kind === 'timer') return state.timers[origin.timerId] !== origin.armedSeq;
  return false;
}

/** The effect that ended and the timer that fired are no longer waited for. */
function consume(state: ActorState, origin: Incoming['origin']): ActorState {
  const root = rootOrigin(origin);
  if (root?.kind === 'effect') return { ...state, effects: without(state.effects, root.invokeId) };
  if (root?.kind === 'timer') return { ...state, timers: without(state.timers, root.timerId) };
  return state;
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}

function accept(registry: Registry, actor: Actor, incoming: Incoming, { snapshot, actions }: Move): Applied {
  const waits = consume(actor.state, incoming.origin);
  const turn = {
    ...actor,
    seq: actor.version + 1,
    principal: incoming.principal,
    effectId: effectOf(incoming),
  };
  const settled = settle(
    actor.id,
    snapshot,
    operationsOf(registry, turn, waits, actions, (child) => bear(registry, child).operations),
  );
  return applied(registry, actor, incoming, 'accepted', settled.state, settled.operations);
}

function ignore(registry: Registry, actor: Actor, incoming: Incoming, reason: string): Stepped {
  return applied(registry, actor, incoming, 'ignored', consume(actor.state, incoming.origin), [], reason);
}

/** The state stays as it is, still waiting for what was rejected, so that a replay finds it unchanged. */
function reject(registry: Registry, actor: Actor, incoming: Incoming, reason: string): Stepped {
  const operations = incoming.origin === null ? [] : [quarantine(actor, incoming, reason)];
  return applied(registry, actor, incoming, 'rejected', actor.state, operations, reason);
}

function quarantine(actor: Actor, incoming: Incoming, reason: string): Operation {
  const { event, sender, principal } = incoming;
  const id = v5(`quarantine/${actor.version + 1}`, actor.id);
  // The schema's fault is not kept: a replay asks the schema of its own day.
  const input = { event, sender, principal, origin: rootOrigin(incoming.origin) };
  return { op: 'quarantine', quarantine: { id, actorId: actor.id, rootId: actor.rootId, reason, input } };
}

function applied(
  registry: Registry,
  actor: Actor,
  incoming: Incoming,
  outcome: PlannedEntry['outcome'],
  state: ActorState,
  operations: Operation[],
  reason?: string,
): Applied {
  const next: Actor = { ...actor, version: actor.version + 1, state };
  const entry: PlannedEntry = {
    actorId: actor.id,
    rootId: actor.rootId,
    machine: actor.machine,
    seq: next.version,
    eventId: incoming.id,
    type: incoming.event.type,
    event: incoming.event,
    sender: incoming.sender,
    principal: incoming.principal,
    outcome,
    answer: answerOf(registry.get(actor.machine), state.snapshot, incoming.sender, reason),
    effectId: effectOf(incoming),
    origin: rootOrigin(incoming.origin),
  };
  return {
    result: 'applied',
    actor: next,
    entry,
    operations: [{ op: 'entry', entry }, ...operations],
    hasEntered: false,
  };
}

function effectOf({ origin }: Incoming): string | null {
  const root = rootOrigin(origin);
  return root?.kind === 'effect' ? root.effectId : null;
}
