import { describe, expect, it } from 'vitest';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { toDefinition } from '../../src/machines/mermaid.ts';
import type { Kind } from './family/family.ts';
import { play, type Scenario } from './family/simulation.ts';
import { isTransient, leavesOf, tagsOf, takes } from './leaf-states.ts';

const unsettled = machineDefinitions
  .flatMap(({ name, machine }) => leavesOf(toDefinition(machine)).map((leaf) => ({ kind: name, ...leaf })))
  .filter((leaf) => !tagsOf(leaf).includes('settled') && !isTransient(leaf));
const policies = ['release', 'cancel', 'keep'] as const;
const children = unsettled.filter(({ kind }) => kind !== 'initiative');

/** More seeds than any state needs to be seen. */
const SEEDS = Array.from({ length: 1_000 }, (_, index) => index + 1);

/** What happens once in a thousand families has to be seen as well. */
const TROUBLES: Readonly<Record<number, Pick<Scenario, 'trouble' | 'conflicts'>>> = {
  1: { trouble: 'conflict', conflicts: 0 },
  2: { trouble: 'conflict', conflicts: 1 },
  4: { trouble: 'partially_delivered' },
};

/** A small family comes to the late states of an initiative sooner. */
function scenarioOf(seed: number): Scenario {
  const isSmall = seed % 2 === 0;
  return {
    seed,
    mode: seed % 3 === 0 ? 'yolo' : 'review_per_phase',
    phaseLimit: 1 + (seed % 5 === 0 ? 1 : 0),
    phases: isSmall ? [1].slice(seed % 4 === 0 ? 0 : 1) : ([[2, 1], [3], [2, 2]][seed % 3] ?? []),
    steps: 40 + ((seed * 37) % 150),
    meddling: isSmall ? 0.5 : 0.25,
    ...TROUBLES[seed % 7],
  };
}

/** The first scenario in which somebody comes into the state. */
const scenarios = new Map<string, Scenario>();
for (const seed of SEEDS) {
  if (unsettled.every(({ kind, path }) => scenarios.has(`${kind} ${path}`))) break;
  const scenario = scenarioOf(seed);
  for (const state of play(scenario).family.visited)
    if (!scenarios.has(state)) scenarios.set(state, scenario);
}

/** Plays on to the end after an interference in the given state; fails when somebody waits for ever. */
function interfereIn(kind: Kind, path: string, act: NonNullable<Scenario['interfere']>['act']): void {
  const scenario = scenarios.get(`${kind} ${path}`);
  if (scenario === undefined) throw new Error(`no seed brings a ${kind} into ${path}`);
  expect(play({ ...scenario, interfere: { kind, path, act } }).interfered).toBe(true);
}

describe('a family settles', () => {
  it.each(unsettled)('when the initiative is canceled with a member ($kind) in $path', ({ kind, path }) => {
    interfereIn(kind, path, (family) => family.post('i', { type: 'initiative.cancel' }));
  });

  it.each(unsettled)('when the initiative is paused with a member ($kind) in $path', ({ kind, path }) => {
    interfereIn(kind, path, (family) => family.post('i', { type: 'initiative.pause' }));
  });

  it.each(
    children
      .filter((leaf) => takes(leaf, `${leaf.kind}.cancel`))
      .flatMap(({ kind, path }) => policies.map((dependents) => ({ kind, path, dependents }))),
  )('when a $kind in $path is canceled, its dependents: $dependents', ({ kind, path, dependents }) => {
    interfereIn(kind, path, (family, { id }) => {
      expect(family.post(id, { type: `${kind}.cancel`, dependents })).toBe(true);
    });
  });

  it.each(children.filter((leaf) => takes(leaf, `${leaf.kind}.waive`)))(
    'when a $kind in $path is waived',
    ({ kind, path }) => {
      interfereIn(kind, path, (family, { id }) => {
        expect(family.post(id, { type: `${kind}.waive` })).toBe(true);
      });
    },
  );

  it.each(children.filter((leaf) => takes(leaf, 'phase.addTask')))(
    'when a task is added to a phase in $path, which goes back to work',
    ({ path }) => {
      interfereIn('phase', path, (family, { id, snapshot }) => {
        const { next, planned } = snapshot.context as { next: number; planned: number };
        expect(family.post(id, { type: 'phase.addTask', key: `more-${next}`, title: 'more' })).toBe(
          next > planned,
        );
        expect(family.get(id).path).toMatch(/^(draft|blocked|queued|in_progress)/);
      });
    },
  );
});
