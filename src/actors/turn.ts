import { v5 } from 'uuid';

import type { Actor } from './actor-state.ts';
import { answerOf } from './answer.ts';
import type { Incoming, Origin } from './incoming.ts';
import { net } from './netting.ts';
import type { Operation, Plan, PlannedActor } from './plan.ts';
import type { Registry } from './registry.ts';
import { persist } from './snapshot-codec.ts';
import type { Stepped } from './step.ts';
import { step } from './step.ts';

/** An actor as it was loaded: upgraded in memory when its machine has moved on since it was written. */
export interface LoadedActor extends Actor {
  readonly upgradedFrom: number | null;
}

/** What several events do to one actor, as rows. */
export interface Turn {
  /** The version the rows build on. */
  readonly base: number;
  readonly actor: Actor;
  /** Of each event, in the order they came. */
  readonly steps: readonly { readonly incoming: Incoming; readonly stepped: Stepped }[];
  readonly row: PlannedActor;
  /** Whether it has come into the state that it is in with one of these events. */
  readonly hasEntered: boolean;
  readonly plan: Plan;
  /** The rows that must be there and be ours for the turn to go through. */
  readonly inputs: readonly Origin[];
}

/** Steps the events one after the other. A turn that writes nothing has no entries in its plan. */
export function takeTurn(registry: Registry, loaded: LoadedActor, incomings: readonly Incoming[]): Turn {
  const { definition } = registry.get(loaded.machine);
  const upgrade = upgradeEntry(registry, loaded);
  let actor: Actor = { ...loaded, version: loaded.version + upgrade.length };
  const operations: Operation[] = [];
  const inputs: Origin[] = [];
  const steps: Turn['steps'][number][] = [];
  let hasEntered = false;
  for (const incoming of incomings) {
    const isFirst = operations.length === 0;
    const stepped = step(registry, actor, incoming, isFirst ? loaded.version : actor.version);
    steps.push({ incoming, stepped });
    if (stepped.result !== 'applied') continue;
    actor = stepped.actor;
    hasEntered ||= stepped.hasEntered;
    operations.push(...stepped.operations);
    if (incoming.origin !== null) inputs.push(incoming.origin);
    // What comes after a rejected internal event waits in front of the quarantine.
    if (stepped.operations.some(({ op }) => op === 'quarantine')) break;
  }
  if (operations.length > 0) operations.unshift(...upgrade);
  const row: PlannedActor = {
    id: actor.id,
    machine: actor.machine,
    machineVersion: definition.version,
    version: actor.version,
    status: actor.state.snapshot.status,
    rootId: actor.rootId,
    parentId: actor.parentId,
    snapshot: persist(actor.state),
  };
  return {
    base: loaded.version,
    actor,
    steps,
    row,
    hasEntered,
    plan: net(operations, registry.rowWriters),
    inputs,
  };
}

/** An upgrade is journaled with the whole new snapshot: folds start there and need no old machine. */
function upgradeEntry(registry: Registry, loaded: LoadedActor): Operation[] {
  if (loaded.upgradedFrom === null) return [];
  const registered = registry.get(loaded.machine);
  const { version } = registered.definition;
  const event = {
    type: 'actor.upgraded',
    from: loaded.upgradedFrom,
    to: version,
    snapshot: persist(loaded.state),
  };
  return [
    {
      op: 'entry',
      entry: {
        actorId: loaded.id,
        rootId: loaded.rootId,
        machine: loaded.machine,
        seq: loaded.version + 1,
        eventId: v5(`upgraded/${version}`, loaded.id),
        type: event.type,
        event,
        sender: 'runtime',
        principal: 'system',
        outcome: 'accepted',
        answer: answerOf(registered, loaded.state.snapshot),
        effectId: null,
        origin: null,
      },
    },
  ];
}
