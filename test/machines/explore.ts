import {
  initialTransition,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from 'xstate';
import { InertScope } from '../../src/actors/scope.ts';

/** One reachable state value with the part of the context that guards look at. */
export interface Node {
  readonly key: string;
  readonly path: string;
  readonly snapshot: AnyMachineSnapshot;
  /** What leads out of it, and to where; where it stays in the same state value the target is the same path. */
  readonly edges: readonly Edge[];
}

export interface Edge {
  readonly event: string;
  readonly sent: AnyEventObject;
  readonly path: string;
  readonly key: string;
}

export interface Space {
  readonly machine: AnyStateMachine;
  readonly starts: readonly AnyMachineSnapshot[];
  /** Guard-relevant context, counters capped at 2. */
  readonly relevant: (context: never) => unknown;
  /** Everything that could be sent, results of effects apart. */
  readonly events: (snapshot: AnyMachineSnapshot) => readonly AnyEventObject[];
  /** Every way an effect can end, by its source. */
  readonly outcomes: (src: string) => readonly ({ readonly output: unknown } | { readonly error: unknown })[];
}

export function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as Record<string, unknown>)
    .map(([key, inner]) => `${key}.${pathOf(inner)}`)
    .join();
}

/** A first snapshot, with parts of its context replaced, so that counters near their limits need no thousand steps. */
export function startWith(machine: AnyStateMachine, input: object, context: object = {}): AnyMachineSnapshot {
  const [snapshot] = initialTransition(machine, input as never);
  const persisted = machine.getPersistedSnapshot(snapshot) as unknown as { context: object };
  return machine.resolveState({
    ...persisted,
    value: snapshot.value,
    context: { ...persisted.context, ...context },
  }) as AnyMachineSnapshot;
}

/** Results of the effects that run in this snapshot. */
function endings({ outcomes }: Space, { children }: AnyMachineSnapshot): AnyEventObject[] {
  return Object.entries(children).flatMap(([id, child]) =>
    outcomes(String((child as { src?: unknown } | undefined)?.src)).map((outcome) => ({
      type: 'output' in outcome ? `xstate.done.actor.${id}` : `xstate.error.actor.${id}`,
      actorId: id,
      ...outcome,
    })),
  );
}

/** Visits every reachable node, breadth first; with a limit only so many of them. It steps as the runtime does. */
export function explore(space: Space, limit = Infinity): Map<string, Node> {
  const keyOf = (snapshot: AnyMachineSnapshot) =>
    `${pathOf(snapshot.value)} ${JSON.stringify(space.relevant(snapshot.context as never))}`;
  const scope = new InertScope(space.machine);
  const nodes = new Map<string, Node>();
  const seen = new Set<string>();
  const queue: { key: string; snapshot: AnyMachineSnapshot }[] = [];
  const note = (snapshot: AnyMachineSnapshot): string => {
    const key = keyOf(snapshot);
    if (!seen.has(key)) queue.push({ key, snapshot });
    seen.add(key);
    return key;
  };
  space.starts.forEach((snapshot) => note(snapshot));
  for (const { key, snapshot } of queue) {
    if (nodes.size >= limit) break;
    const edges: Edge[] = [];
    for (const event of [...space.events(snapshot), ...endings(space, snapshot)]) {
      // Asked first because most events are refused, and a refused step costs as much as another.
      if (!scope.isEnabled(snapshot, event)) continue;
      const next = scope.transition(snapshot, event).snapshot;
      edges.push({ event: event.type, sent: event, path: pathOf(next.value), key: note(next) });
    }
    nodes.set(key, { key, path: pathOf(snapshot.value), snapshot, edges });
  }
  return nodes;
}

/** The nodes from which some settled node can be reached. */
export function canSettle(nodes: ReadonlyMap<string, Node>): Set<string> {
  const before = new Map<string, string[]>();
  for (const { key, edges } of nodes.values()) {
    for (const edge of edges) before.set(edge.key, [...(before.get(edge.key) ?? []), key]);
  }
  const found = new Set<string>();
  const queue = [...nodes.values()]
    .filter(({ snapshot }) => snapshot.hasTag('settled'))
    .map(({ key }) => key);
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    queue.push(...(before.get(key) ?? []));
  }
  return found;
}
