import { mayTake } from '../../actors/next-events.ts';
import { InertScope } from '../../actors/scope.ts';
import type { ActorView } from '../../actors/view.ts';
import { type MachineDefinition, machineDefinitions } from '../../machines/definitions.ts';
import { type StateOutline, toDefinition } from '../../machines/machine-definition.ts';
import type { Kind } from '../shapes/actor.ts';
import { lineOf } from './state-path.ts';

/** One of the machines, to be asked about an actor. */
export class Lifecycle {
  readonly events: MachineDefinition['events'];
  readonly #outline: StateOutline;
  readonly #scope: InertScope;

  constructor({ machine, events }: MachineDefinition) {
    this.events = events;
    this.#outline = toDefinition(machine);
    this.#scope = new InertScope(machine);
  }

  /** The states that the actor is in, from the outside in. */
  lineOf(actor: ActorView): StateOutline[] {
    return lineOf(this.#outline, actor.state);
  }

  /** Of these events, those that the actor takes now. One that depends on what it brings counts as taken. */
  taken({ status, state, context }: ActorView, types: readonly string[]): string[] {
    const snapshot = this.#scope.restore({ status, value: state, context }, []);
    return types.filter((type) => mayTake(this.#scope, snapshot, type));
  }
}

const lifecycles = new Map(
  machineDefinitions.map((definition) => [definition.name, new Lifecycle(definition)]),
);

export function lifecycleOf(kind: Kind): Lifecycle {
  const found = lifecycles.get(kind);
  if (found === undefined) throw new Error(`no machine is called ${kind}`);
  return found;
}
