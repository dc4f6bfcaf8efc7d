/** Something that waits for others, by key. */
export interface Waiter {
  readonly key: string;
  readonly dependsOn: readonly string[];
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** One cycle for each knot of things that wait for each other: its keys, the first repeated at the end. Linear in the edges. */
export function findCycles(nodes: readonly Waiter[]): string[][] {
  const known = new Set(nodes.map(({ key }) => key));
  const graph = new Map<string, string[]>();
  for (const { key, dependsOn } of nodes) {
    graph.set(key, [...(graph.get(key) ?? []), ...dependsOn.filter((other) => known.has(other))]);
  }
  return knots(graph).flatMap((knot) => {
    const [start = ''] = knot;
    if (knot.length === 1 && graph.get(start)?.includes(start) !== true) return [];
    return [cycleWithin(graph, new Set(knot), start)];
  });
}

/** Strongly connected components (Tarjan), on a stack of our own: a chain as long as the plan must not overflow the engine's. */
function knots(graph: Graph): string[][] {
  const found: string[][] = [];
  const place = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  for (const root of graph.keys()) {
    if (place.has(root)) continue;
    const trail: { key: string; at: number }[] = [];
    const enter = (key: string) => {
      place.set(key, place.size);
      lowest.set(key, place.size - 1);
      open.push(key);
      isOpen.add(key);
      trail.push({ key, at: 0 });
    };
    const lower = (key: string, value: number) => {
      lowest.set(key, Math.min(lowest.get(key) ?? value, value));
    };
    enter(root);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const { key } = top;
      const next = graph.get(key)?.[top.at];
      top.at += 1;
      if (next !== undefined) {
        if (!place.has(next)) enter(next);
        else if (isOpen.has(next)) lower(key, place.get(next) ?? 0);
        continue;
      }
      trail.pop();
      const low = lowest.get(key) ?? 0;
      const above = trail.at(-1);
      if (above !== undefined) lower(above.key, low);
      if (low !== place.get(key)) continue;
      const knot = open.splice(open.lastIndexOf(key));
      for (const member of knot) isOpen.delete(member);
      found.push(knot);
    }
  }
  return found;
}

/** The shortest way from a member of a knot back to it. */
function cycleWithin(graph: Graph, knot: ReadonlySet<string>, start: string): string[] {
  const before = new Map<string, string>();
  const queue = [start];
  for (const key of queue) {
    for (const next of graph.get(key) ?? []) {
      if (next === start) {
        const back = [start];
        for (let at = key; at !== start; at = before.get(at) ?? start) back.push(at);
        return [...back, start].toReversed();
      }
      if (!knot.has(next) || before.has(next)) continue;
      before.set(next, key);
      queue.push(next);
    }
  }
  throw new Error(`${start} is in a knot without a way back`);
}
