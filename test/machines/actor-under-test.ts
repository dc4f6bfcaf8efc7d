import {
  initialTransition,
  transition,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from 'xstate';
import { pathOf } from './explore.ts';

/** What one step asked for, by name. */
export interface Asked {
  readonly type: string;
  readonly params: unknown;
}

/** One actor on its own, stepped by XState's pure functions; what it asks for is kept for the test to look at. */
export class ActorUnderTest<Context> {
  #snapshot: AnyMachineSnapshot;
  readonly #machine: AnyStateMachine;
  /** What the last step asked for. */
  asked: readonly Asked[];

  constructor(machine: AnyStateMachine, input: object) {
    this.#machine = machine;
    const [snapshot, actions] = initialTransition(machine, input as never);
    this.#snapshot = snapshot as AnyMachineSnapshot;
    this.asked = actions.map(({ type, params }) => ({ type, params }));
  }

  get path(): string {
    return pathOf(this.#snapshot.value);
  }

  get context(): Context {
    return this.#snapshot.context as Context;
  }

  get tags(): string[] {
    return [...this.#snapshot.tags].toSorted();
  }

  /** Sends events in order; true when the last of them was taken. */
  send(...events: readonly AnyEventObject[]): boolean {
    let taken = false;
    for (const event of events) {
      taken = this.#machine.getTransitionData(this.#snapshot, event).length > 0;
      const [next, actions] = transition(this.#machine, this.#snapshot, event);
      this.#snapshot = next as AnyMachineSnapshot;
      this.asked = actions.map(({ type, params }) => ({ type, params }));
    }
    return taken;
  }

  done(effect: string, output: unknown = {}): boolean {
    return this.send({ type: `xstate.done.actor.${effect}`, output, actorId: effect });
  }

  fails(effect: string, error: unknown = { code: 'git_failed', message: 'no space' }): boolean {
    return this.send({ type: `xstate.error.actor.${effect}`, error, actorId: effect });
  }

  /** The messages that the last step sent. */
  get told(): unknown[] {
    return this.asked
      .filter(({ type }) => type === 'tell')
      .flatMap(({ params }) => (params as { many?: unknown[] }).many ?? [params]);
  }

  /** The parameters of one action of the last step. */
  params(type: string): unknown {
    return this.asked.find((action) => action.type === type)?.params;
  }
}
