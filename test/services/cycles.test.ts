import { describe, expect, test } from 'vitest';
import { findCycles } from '../../src/services/cycles.ts';

const graph = (edges: Readonly<Record<string, string>>) =>
  Object.entries(edges).map(([key, dependsOn]) => ({ key, dependsOn: dependsOn.split('') }));

describe('cycles', () => {
  test('are one for each knot, whatever hangs on it', () => {
    const found = findCycles(
      graph({ a: 'b', b: 'ax', x: '', c: 'd', d: 'e', e: 'c', f: 'fa', g: 'ac', h: 'n' }),
    );
    expect(found.map((cycle) => cycle.toSorted().join('')).toSorted()).toEqual(['aab', 'ccde', 'ff']);
    for (const cycle of found) expect(cycle[0]).toBe(cycle.at(-1));
  });

  test('are named in the order in which they wait', () => {
    const [cycle = []] = findCycles(graph({ a: 'b', b: 'c', c: 'a' }));
    expect(['a > b > c > a', 'b > c > a > b', 'c > a > b > c']).toContain(cycle.join(' > '));
  });

  test('are not found where there are none, however long the chain and however many the ways', () => {
    const long = Array.from({ length: 50_000 }, (_, n) => ({ key: `${n}`, dependsOn: [`${n + 1}`] }));
    expect(findCycles(long)).toEqual([]);
    expect(findCycles(graph({ a: 'bc', b: 'd', c: 'd', d: '' }))).toEqual([]);
  });
});
