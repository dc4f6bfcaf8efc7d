import { v5 } from 'uuid';

import type { Actor } from './actor-state.ts';
import { operationsOf } from './action-operations.ts';
import type { Operation } from './plan.ts';
import { answerOf } from './answer.ts';
import type { Registry } from './registry.ts';
import type { NewActor } from './runtime.ts';
import { persist } from './snapshot-codec.ts';
import { settle } from './settle.ts';

/** The first turn of an actor: its initial snapshot, journal entry 1, and all that its first state starts. */
export function bear(registry: Registry, newborn: NewActor): { actor: Actor; operations: Operation[] } {
  const { id, machine, rootId, parentId, input, principal } = newborn;
  const registered = registry.get(machine);
  const { snapshot, actions } = registered.scope.initial(input);
  const turn = { id, rootId, parentId, principal, seq: 1, effectId: null };
  const translated = operationsOf(
    registry,
    turn,
    { effects: {}, timers: {} },
    actions,
    (child) => bear(registry, child).operations,
  );
  const settled = settle(id, snapshot, translated);
  const actor: Actor = { id, machine, rootId, parentId, version: 1, state: settled.state };
  const operations: Operation[] = [
    {
      op: 'born',
      actor: {
        id,
        machine,
        machineVersion: registered.definition.version,
        version: 1,
        status: snapshot.status,
        rootId,
        parentId,
        snapshot: persist(actor.state),
      },
    },
    {
      op: 'entry',
      entry: {
        actorId: id,
        rootId,
        machine,
        seq: 1,
        eventId: v5('created', id),
        type: 'actor.created',
        event: { type: 'actor.created', machine, parentId, input },
        sender: 'runtime',
        principal,
        outcome: 'accepted',
        answer: answerOf(registered, snapshot),
        effectId: null,
        origin: null,
      },
    },
    ...settled.operations,
  ];
  return { actor, operations };
}
