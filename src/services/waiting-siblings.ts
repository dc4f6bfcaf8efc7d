import type { Runtime } from '../actors/runtime.ts';
import { Refusal } from '../errors.ts';
import { findCycles } from './cycles.ts';

/** How many things may depend on one: they are remembered by the thing itself. */
export const MAX_DEPENDENTS = 64;

/** A phase or task beside others, as its row says. */
export interface Sibling {
  readonly id: string;
  readonly key: string;
  readonly ordinal: number;
}

interface Unsettled {
  readonly key: string;
  readonly pending: readonly number[];
  /** Who it will tell when it is settled. Someone who was relinked since stays among them. */
  readonly watchers: ReadonlySet<number>;
}

/** Who of the siblings waits for whom now; rows only know what the plan began with. */
export class WaitingSiblings {
  /** By ordinal. Whatever is settled answers at once and waits for nobody. */
  readonly #unsettled: ReadonlyMap<number, Unsettled>;

  private constructor(unsettled: ReadonlyMap<number, Unsettled>) {
    this.#unsettled = unsettled;
  }

  static async read(
    runtime: Pick<Runtime, 'peekMany'>,
    siblings: readonly Sibling[],
  ): Promise<WaitingSiblings> {
    const byId = new Map(siblings.map((sibling) => [sibling.id, sibling]));
    const unsettled = new Map<number, Unsettled>();
    for (const { id, tags, context } of await runtime.peekMany([...byId.keys()])) {
      const sibling = byId.get(id);
      if (sibling === undefined || tags.includes('settled')) continue;
      unsettled.set(sibling.ordinal, {
        key: sibling.key,
        pending: ordinalsIn(context['pending']),
        watchers: new Set(ordinalsIn(context['watchers'])),
      });
    }
    return new WaitingSiblings(unsettled);
  }

  /** `self` is null for a sibling that does not exist yet. Refuses with `too_many_dependents`. */
  refuseCrowd(dependsOn: readonly number[], self: number | null): void {
    for (const ordinal of dependsOn) {
      const dependency = this.#unsettled.get(ordinal);
      if (dependency === undefined) continue;
      const dependents = new Set(dependency.watchers);
      for (const [other, { pending }] of this.#unsettled) {
        if (pending.includes(ordinal)) dependents.add(other);
      }
      if (self !== null) dependents.delete(self);
      if (dependents.size >= MAX_DEPENDENTS) throw tooManyDependents(dependency.key);
    }
  }

  /** Refuses with `dependency_cycle`. */
  refuseCycle(dependsOn: readonly number[], self: number): void {
    const [cycle] = findCycles(
      [...this.#unsettled].map(([ordinal, { pending }]) => ({
        key: String(ordinal),
        dependsOn: (ordinal === self ? dependsOn : pending).map(String),
      })),
    );
    if (cycle === undefined) return;
    const names = cycle.map((ordinal) => this.#unsettled.get(Number(ordinal))?.key ?? ordinal);
    throw new Refusal('dependency_cycle', `these would depend on each other: ${names.join(' > ')}`);
  }
}

export function tooManyDependents(key: string): Refusal {
  return new Refusal(
    'too_many_dependents',
    `at most ${MAX_DEPENDENTS} may depend on one, and ${key} has as many`,
  );
}

function ordinalsIn(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((ordinal) => typeof ordinal === 'number') : [];
}
