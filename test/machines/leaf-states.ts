import type { StateOutline } from '../../src/machines/machine-definition.ts';

export interface Leaf {
  /** For example `canceling.draining`. */
  readonly path: string;
  /** The state and the states around it, outermost first, without the machine itself. */
  readonly line: readonly StateOutline[];
}

/** The states without inner states. */
export function leavesOf(
  state: StateOutline,
  line: readonly StateOutline[] = [],
  path: readonly string[] = [],
): Leaf[] {
  if (state.states === undefined) return [{ path: path.join('.'), line }];
  return Object.entries(state.states).flatMap(([key, inner]) =>
    leavesOf(inner, [...line, inner], [...path, key]),
  );
}

export function tagsOf(leaf: Leaf): string[] {
  return leaf.line.flatMap(({ tags }) => tags ?? []);
}

/** Does the state, or one around it, name this event? */
export function takes(leaf: Leaf, event: string): boolean {
  return leaf.line.some(({ on }) => on?.[event] !== undefined);
}

/** Left as soon as it is entered, whatever the context: nobody sees an actor in it. */
export function isTransient(leaf: Leaf): boolean {
  return leaf.line.at(-1)?.always?.some(({ guard }) => guard === undefined) ?? false;
}
