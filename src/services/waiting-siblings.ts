import type { Runtime } from '../actors/runtime.ts';
import { Refusal } from '../errors.ts';
import { MAX_DEPENDENCIES } from '../machines/payloads.ts';
import { findCycles } from './cycles.ts';
import { partsIn } from './split-tasks.ts';

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
  /** Who it will tell when it is settled. */
  readonly watchers: ReadonlySet<number>;
}

/** Who of the siblings waits for whom now; rows only know what the plan began with. */
export class WaitingSiblings {
  /** By ordinal. Whatever is settled answers at once and waits for nobody. */
  readonly #unsettled: ReadonlyMap<number, Unsettled>;
  /** What took the place of each, if it was split. */
  readonly #parts: ReadonlyMap<number, readonly number[]>;

  private constructor(
    unsettled: ReadonlyMap<number, Unsettled>,
    parts: ReadonlyMap<number, readonly number[]>,
  ) {
    this.#unsettled = unsettled;
    this.#parts = parts;
  }

  static async read(
    runtime: Pick<Runtime, 'peekMany'>,
    siblings: readonly Sibling[],
  ): Promise<WaitingSiblings> {
    const byId = new Map(siblings.map((sibling) => [sibling.id, sibling]));
    const unsettled = new Map<number, Unsettled>();
    const actors = await runtime.peekMany([...byId.keys()]);
    const parts = new Map(
      actors.map(({ id, context }) => [byId.get(id)?.ordinal ?? 0, partsIn(context['parts'])]),
    );
    for (const { id, tags, context } of actors) {
      const sibling = byId.get(id);
      if (sibling === undefined || tags.includes('settled')) continue;
      unsettled.set(sibling.ordinal, {
        key: sibling.key,
        // The news of a split may still be on its way.
        pending: withParts(ordinalsIn(context['pending']), parts),
        watchers: new Set(ordinalsIn(context['watchers'])),
      });
    }
    return new WaitingSiblings(unsettled, parts);
  }

  /**
   * What one with these links comes to wait for: the parts of what was split. `key` is its own, `more` how many others it waits for.
   * Refuses with `too_many_dependencies`.
   */
  reached(dependsOn: readonly number[], key: string, more = 0): readonly number[] {
    const reached = withParts(dependsOn, this.#parts);
    if (reached.length + more > MAX_DEPENDENCIES) throw tooManyDependencies(key);
    return reached;
  }

  /** Refuses with `too_many_dependencies`, when one that waits for this would wait for too many parts of it. */
  refuseLoad(of: number, parts: number): void {
    for (const { key, pending } of this.#unsettled.values()) {
      if (!pending.includes(of) || pending.length - 1 + parts <= MAX_DEPENDENCIES) continue;
      throw tooManyDependencies(key);
    }
  }

  /** `self` is null for a sibling that does not exist yet, or several of them. Refuses with `too_many_dependents`. */
  refuseCrowd(dependsOn: readonly number[], self: number | null): void {
    for (const ordinal of new Set(dependsOn)) {
      const more = dependsOn.filter((one) => one === ordinal).length;
      const dependency = this.#unsettled.get(ordinal);
      if (dependency === undefined) continue;
      const dependents = new Set(dependency.watchers);
      for (const [other, { pending }] of this.#unsettled) {
        if (pending.includes(ordinal)) dependents.add(other);
      }
      if (self !== null) dependents.delete(self);
      if (dependents.size + more > MAX_DEPENDENTS) throw tooManyDependents(dependency.key);
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

export function tooManyDependencies(key: string): Refusal {
  return new Refusal(
    'too_many_dependencies',
    `one may depend on at most ${MAX_DEPENDENCIES}, and ${key} would depend on more`,
  );
}

/** Each once, and what took its place for one that was split. */
function withParts(
  ordinals: readonly number[],
  parts: ReadonlyMap<number, readonly number[]>,
): readonly number[] {
  const all = ordinals.flatMap((ordinal) => {
    const found = parts.get(ordinal) ?? [];
    return found.length === 0 ? [ordinal] : withParts(found, parts);
  });
  return [...new Set(all)];
}

function ordinalsIn(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((ordinal) => typeof ordinal === 'number') : [];
}
