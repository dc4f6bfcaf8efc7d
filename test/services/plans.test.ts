import { expect, test } from 'vitest';
import type { PlanApplied, PlanFault, PlanReport } from '../../src/services/shapes/plan.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, planDocument } from '../support/work.ts';

function namesOf(faults: readonly PlanFault[]): string[] {
  return faults.map((fault) => `${fault.path} ${fault.code}`).toSorted((a, b) => (a < b ? -1 : 1));
}

test('a plan whose shape is wrong is told what else is wrong with it too', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  await applyPlan(service, { key: 'taken', start: false, projects: [api], phases: [{ key: 'build' }] });
  const plan = {
    key: 'taken',
    projects: [{ key: 'api' }, { key: 'nobody' }, 'web'],
    phases: [
      { key: 'a', title: 'A', dependsOn: ['b'], tasks: 7 },
      { key: 'b', title: 'B', dependsOn: ['a', 'c'] },
      { key: 'x', title: 'X', dependsOn: ['y'] },
      { key: 'y', title: 'Y', dependsOn: ['x'] },
      null,
      { title: 'No key', tasks: [{ key: 't', title: 'T', dependsOn: ['u'], projects: ['web', 3] }] },
    ],
  };

  const report = await service.post<PlanReport>('viewer', '/v1/plans/validate', plan);
  expect(namesOf(report.faults)).toEqual([
    'key key_taken',
    'phases cycle',
    'phases cycle',
    'phases[0].tasks invalid_field',
    'phases[1].dependsOn[1] unknown_dependency',
    'phases[4] invalid_field',
    'phases[5].key invalid_field',
    'phases[5].tasks[0].dependsOn[0] unknown_dependency',
    'phases[5].tasks[0].projects[0] unknown_project',
    'phases[5].tasks[0].projects[1] invalid_field',
    'projects[1].key unknown_project',
    'projects[2] invalid_field',
    'title invalid_field',
  ]);
  expect(report).toMatchObject({
    valid: false,
    total: report.faults.length,
    counts: { phases: 5, tasks: 1 },
  });
  const cycles = report.faults.filter(({ code }) => code === 'cycle').map(({ message }) => message);
  expect(cycles.join()).toMatch(/(a > b > a|b > a > b).*(x > y > x|y > x > y)/);
});

test('a list of faults that is cut says how many there are', async () => {
  const service = await startTestService();
  const phases = Array.from({ length: 10 }, (_, n) => ({
    key: `p-${n}`,
    title: 'P',
    tasks: Array.from({ length: 100 }, () => null),
  }));
  const plan = { key: 'goal', title: 'Goal', projects: [{ key: 'nobody' }], phases };
  const report = await service.post<PlanReport>('viewer', '/v1/plans/validate', plan);
  expect(report.faults).toHaveLength(500);
  expect(report.total).toBe(1_001);
  const refused = await service.refusal('operator', 'POST', '/v1/plans', plan);
  expect(refused.detail).toBe('the plan has 1001 faults; the first 500 are listed');
  expect(refused.details).toMatchObject({ total: 1_001 });
});

test('of plans with one key that are applied at the same moment one becomes an initiative, and repeats are told the same', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const plan = planDocument({ start: false, projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const keys = Array.from({ length: 6 }, (_, n) => `apply-${n}`);
  const apply = async (key: string) => {
    const answer = await service.call('operator', 'POST', '/v1/plans', plan, { key });
    return { key, status: answer.status, body: (await answer.json()) as PlanApplied | { code: string } };
  };

  const answers = await Promise.all(keys.map(apply));

  const made = answers.filter(({ status }) => status === 201);
  expect(made).toHaveLength(1);
  for (const { status, body } of answers.filter((answer) => !made.includes(answer))) {
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'invalid_plan',
      details: { faults: [{ path: 'key', code: 'key_taken' }], total: 1 },
    });
  }
  for (const { key, status, body } of answers) {
    const again = await apply(key);
    expect(again.status).toBe(status);
    if (status === 201) expect(again.body).toEqual(body);
    else expect(again.body).toMatchObject({ code: 'invalid_plan' });
  }
});
