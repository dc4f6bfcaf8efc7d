import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { createEmptyActor } from 'xstate';

import type { JsonObject } from './json.ts';

/** An action as XState resolved it; nobody has run it. */
export interface ResolvedAction {
  readonly type: string;
  readonly params: unknown;
}

/** The next snapshot and the actions on the way to it. */
export interface Move {
  readonly snapshot: AnyMachineSnapshot;
  readonly actions: readonly ResolvedAction[];
}

/**
 * Steps one machine purely. XState's own `transition()` does the same but builds an actor per call, which runs the context
 * factory again and costs five times as much. This class is the only place that leans on how XState calls a scope; a
 * test compares it with `transition()` along the paths of a graph.
 */
export class InertScope {
  readonly #machine: AnyStateMachine;
  readonly #scope: AnyActorScope;

  constructor(machine: AnyStateMachine) {
    this.#machine = machine;
    const self = createEmptyActor();
    // Actions are collected and never run, so what only running actions call (defer, emit, logger, stopChild) is left out:
    // a step that did start something would fail loudly.
    this.#scope = { self, id: '', sessionId: '', system: self.system } as unknown as AnyActorScope;
  }

  initial(input: JsonObject): Move {
    return this.#collect(() => this.#machine.getInitialSnapshot(this.#scope, input));
  }

  transition(snapshot: AnyMachineSnapshot, event: EventObject): Move {
    return this.#collect(() => this.#machine.transition(snapshot, event, this.#scope));
  }

  /** True when the state takes the event, declared no-ops included, which `snapshot.can()` denies. Throws what a guard throws. */
  isEnabled(snapshot: AnyMachineSnapshot, event: EventObject): boolean {
    return this.transitionsFor(snapshot, event).length > 0;
  }

  /** The transitions that the event takes; none where the state does not take it. Throws what a guard throws. */
  transitionsFor(snapshot: AnyMachineSnapshot, event: EventObject): readonly { readonly reenter: boolean }[] {
    return this.#machine.getTransitionData(snapshot, event);
  }

  /** A snapshot from its parts; children are known by id alone, and nothing is started. */
  restore(parts: JsonObject, childIds: readonly string[]): AnyMachineSnapshot {
    const snapshot: AnyMachineSnapshot = this.#machine.restoreSnapshot(
      { ...parts, children: {} } as unknown as Parameters<AnyStateMachine['restoreSnapshot']>[0],
      this.#scope,
    );
    // Stopping an invoke reads nothing of a child but its id; a real actor per child would make a restore ten times dearer.
    snapshot.children = Object.fromEntries(childIds.map((id) => [id, { id }]));
    return snapshot;
  }

  #collect(move: () => AnyMachineSnapshot): Move {
    const actions: ResolvedAction[] = [];
    this.#scope.actionExecutor = ({ type, params }) => actions.push({ type, params });
    const snapshot = move();
    return { snapshot, actions };
  }
}
