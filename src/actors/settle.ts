import type { AnyMachineSnapshot } from 'xstate';

import type { ActorState } from './actor-state.ts';
import type { Operation } from './plan.ts';

interface Translated {
  readonly operations: readonly Operation[];
  readonly waits: Pick<ActorState, 'effects' | 'timers'>;
}

/** An actor that has ended waits for nothing: what still ran for it is canceled, what was armed is dropped. */
export function settle(
  actorId: string,
  snapshot: AnyMachineSnapshot,
  { operations, waits }: Translated,
): { state: ActorState; operations: Operation[] } {
  if (snapshot.status === 'active') return { state: { snapshot, ...waits }, operations: [...operations] };
  const canceled = Object.values(waits.effects).map((effectId) => ({ op: 'cancel', effectId }) as const);
  const disarmed = Object.entries(waits.timers).map(
    ([timerId, armedSeq]) => ({ op: 'disarm', timer: { actorId, timerId, armedSeq } }) as const,
  );
  return {
    state: { snapshot, effects: {}, timers: {} },
    operations: [...operations, ...canceled, ...disarmed],
  };
}
