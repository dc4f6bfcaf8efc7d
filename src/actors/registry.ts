import type { ActorDefinition } from './definition.ts';
import { findFaults } from './registry-check.ts';
import type { RowWriter } from './row-writer.ts';
import { InertScope } from './scope.ts';

/** A machine that is registered, with its stepper. */
export interface Registered {
  readonly definition: ActorDefinition;
  readonly scope: InertScope;
}

export interface RegistryParts {
  readonly definitions: readonly ActorDefinition[];
  /** Kinds of effects that somebody runs. */
  readonly effectKinds: readonly string[];
  readonly rowWriters: readonly RowWriter[];
}

/** The machines, effects and writers of a deployment, by name. */
export class Registry {
  readonly machines: ReadonlyMap<string, Registered>;
  readonly rowWriters: ReadonlyMap<string, RowWriter>;
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.machines = new Map(
      parts.definitions.map((definition) => [
        definition.name,
        { definition, scope: new InertScope(definition.machine) },
      ]),
    );
    this.rowWriters = new Map(parts.rowWriters.map((writer) => [writer.name, writer]));
  }

  /** The machine of that name; throws when there is none, as a programming error. */
  get(name: string): Registered {
    const registered = this.machines.get(name);
    if (registered === undefined) throw new Error(`no machine named "${name}" is registered`);
    return registered;
  }

  /** Throws with all faults at once when a machine names something that nobody registered. */
  check(): void {
    const faults = this.#parts.definitions.flatMap((definition) => findFaults(definition, this.#parts));
    if (faults.length > 0) throw new Error(`machines name what nobody registered:\n${faults.join('\n')}`);
  }
}
