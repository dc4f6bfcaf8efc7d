import { z } from 'zod';
import { Refusal } from '../errors.ts';
import type { MachineDefinition } from '../machines/definitions.ts';
import { toDefinition, toMermaid } from '../machines/mermaid.ts';
import { doorEvents } from './door-events.ts';

export const machineSummarySchema = z.object({ name: z.string(), version: z.int() });

export const machineSchema = machineSummarySchema.extend({
  definition: z
    .record(z.string(), z.unknown())
    .describe('States, events, guards and effects by name; nothing that runs.'),
  events: z.array(
    z.object({
      type: z.string(),
      description: z.string(),
      senders: z.array(z.string()),
      payload: z
        .record(z.string(), z.unknown())
        .describe('JSON Schema of what stands beside `type`; for events of people, as they are posted.'),
    }),
  ),
});
export type MachineSummary = z.infer<typeof machineSummarySchema>;
export type MachineView = z.infer<typeof machineSchema>;

/** The machines as documents. Made once: a definition does not change while the process runs. */
export class MachineCatalog {
  readonly #definitions: ReadonlyMap<string, MachineDefinition>;
  readonly #views = new Map<string, MachineView>();

  constructor(definitions: readonly MachineDefinition[]) {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
  }

  list(): MachineSummary[] {
    return [...this.#definitions.values()].map(summaryOf);
  }

  /** Refuses with `unknown_machine`. */
  get(name: string): MachineView {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = viewOf(this.#definition(name));
    this.#views.set(name, view);
    return view;
  }

  /** A `stateDiagram-v2`. Refuses with `unknown_machine`. */
  mermaid(name: string): string {
    return toMermaid(this.#definition(name).machine);
  }

  #definition(name: string): MachineDefinition {
    const found = this.#definitions.get(name);
    if (found !== undefined) return found;
    throw new Refusal(
      'unknown_machine',
      `no machine is called ${name}; there are ${[...this.#definitions.keys()].join(', ')}`,
    );
  }
}

function summaryOf({ name, version }: MachineDefinition): MachineSummary {
  return { name, version };
}

function viewOf(definition: MachineDefinition): MachineView {
  return {
    ...summaryOf(definition),
    definition: { ...toDefinition(definition.machine) },
    events: Object.entries(doorEvents[definition.name]).map(([type, { description, senders, schema }]) => ({
      type,
      description,
      senders: [...senders],
      payload: { ...z.toJSONSchema(schema, { io: 'input' }) },
    })),
  };
}
