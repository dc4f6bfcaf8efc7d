import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planKeys, scenarioOf } from '../../src/demo/plan.ts';
import { Random } from '../../src/demo/random.ts';
import { planFaults } from '../../src/services/plan-faults.ts';
import { outlineOf } from '../../src/services/plan-outline.ts';
import { planSchema } from '../../src/services/plan-schema.ts';

const sizes = fc.integer({ min: 9, max: 200 });
const seeds = fc.nat();

describe('the plan of the demo', () => {
  test('is one the service takes, with as many tasks as were asked for', () => {
    fc.assert(
      fc.property(sizes, seeds, (tasks, seed) => {
        const { plan, chores, late } = scenarioOf(tasks, new Random(seed));
        for (const posted of [plan, chores])
          expect([...planFaults(outlineOf(planSchema.parse(posted)))]).toEqual([]);
        expect([plan.mode, chores.mode]).toEqual(['review_per_phase', 'yolo']);
        expect(plan.phases.map(({ key }) => key)).toContain(late.phase);
        expect(plan.phases.flatMap((phase) => phase.tasks)).toHaveLength(tasks);
        expect(plan.phases).toHaveLength(3);
        expect(plan.phases.filter(({ dependsOn }) => dependsOn.length > 0)).toHaveLength(2);
      }),
    );
  });

  test('has the tasks that conflict side by side, and a victim of its own', () => {
    fc.assert(
      fc.property(sizes, seeds, (tasks, seed) => {
        const { plan, conflicting, victim } = scenarioOf(tasks, new Random(seed));
        const paths = plan.phases.flatMap(({ key, tasks: own }) => own.map((task) => `${key}/${task.key}`));
        expect(paths).toEqual(expect.arrayContaining([...conflicting, victim]));
        expect(conflicting).not.toContain(victim);
        const first = plan.phases[0]?.tasks.slice(0, 2) ?? [];
        expect(first.map(({ dependsOn }) => dependsOn)).toEqual([[], []]);
      }),
    );
  });

  test('is the same for the same seed', () => {
    expect(scenarioOf(30, new Random(5))).toEqual(scenarioOf(30, new Random(5)));
    expect(scenarioOf(30, new Random(5))).not.toEqual(scenarioOf(30, new Random(6)));
  });

  test('says for each task where it has to deliver', () => {
    const lines = planKeys(scenarioOf(9, new Random(1)))
      .trimEnd()
      .split('\n');
    expect(lines[0]).toBe('foundation/model app lib');
    // Nine of the plan, three chores beside it, and the one that comes late.
    expect(lines.slice(9)).toEqual([
      'tidy/format app',
      'tidy/typos app',
      'upkeep/versions app',
      'service/limits app',
    ]);
  });
});
