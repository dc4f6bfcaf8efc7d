import type { AnyMachineSnapshot } from 'xstate';

/** All that an actor is between two events. */
export interface ActorState {
  readonly snapshot: AnyMachineSnapshot;
  /** Invoke id -> the effect that runs for it now. A result of any other effect is late. */
  readonly effects: Readonly<Record<string, string>>;
  /** Timer id -> the turn that armed it. A firing that names another turn is late. */
  readonly timers: Readonly<Record<string, number>>;
}

/** An actor as the pure step sees it. */
export interface Actor {
  readonly id: string;
  readonly machine: string;
  readonly rootId: string;
  readonly parentId: string | null;
  /** The seq of its newest journal entry. */
  readonly version: number;
  readonly state: ActorState;
}
