import { expect, test } from 'vitest';
import type { TaskView } from '../../src/services/shapes/actor.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type Work } from '../support/work.ts';

const relink = (work: Work, task: TaskView, dependsOn: readonly string[]) =>
  work.service.call('operator', 'POST', `/v1/tasks/${task.id}/events`, { type: 'task.relink', dependsOn });

test('two links at once never make a circle, and the views show the links that were made', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const numbers = [1, 2, 3, 4];
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'build', tasks: [...numbers.flatMap((n) => [`a-${n}`, `b-${n}`]), 'base'] },
      { key: 'polish', dependsOn: ['build'], tasks: ['style'] },
    ],
  });
  for (const n of numbers)
    for (const key of [`a-${n}`, `b-${n}`]) await work.untilTask('build', key, 'queued');
  const { tasks } = await work.phase('build');
  const named = (key: string) => tasks.find((task) => task.key === key) as TaskView;

  const answers = await Promise.all(
    numbers.flatMap((n) => [
      relink(work, named(`a-${n}`), [`b-${n}`, 'base']),
      relink(work, named(`b-${n}`), [`a-${n}`]),
    ]),
  );

  const outcomes = answers.map(({ status }) => status);
  for (const n of numbers)
    expect(
      outcomes.slice(2 * n - 2, 2 * n).toSorted((a, b) => a - b),
      `pair ${n}`,
    ).toEqual([200, 422]);
  const links = new Map((await work.phase('build')).tasks.map(({ key, dependsOn }) => [key, dependsOn]));
  for (const n of numbers) {
    const isFirst = outcomes[2 * n - 2] === 200;
    expect(links.get(`a-${n}`)).toEqual(isFirst ? [`b-${n}`, 'base'] : []);
    expect(links.get(`b-${n}`)).toEqual(isFirst ? [] : [`a-${n}`]);
  }

  const polish = await work.phase('polish');
  expect(polish.dependsOn).toEqual(['build']);
  await work.tell('phase', polish.id, 'phase.relink', { dependsOn: [] });
  expect((await work.phase('polish')).dependsOn).toEqual([]);
});

test('of many that are added at once no more than 64 wait for one, and a key is given once', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const waiting = Array.from({ length: 62 }, (_, n) => ({ key: `w-${n}`, dependsOn: ['base'] }));
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['base', ...waiting] }],
  });
  await work.untilTask('build', 'w-61', 'blocked');
  const { id } = await work.phase('build');
  const add = async (key: string, dependsOn: readonly string[]) => {
    const body = { type: 'phase.addTask', key, title: key, dependsOn };
    const answer = await service.call('operator', 'POST', `/v1/phases/${id}/events`, body);
    return ((await answer.json()) as { code?: string }).code ?? 'added';
  };

  const crowd = await Promise.all(['x-1', 'x-2', 'x-3', 'x-4', 'x-5'].map((key) => add(key, ['base'])));
  expect(crowd.toSorted()).toEqual([
    'added',
    'added',
    ...Array.from({ length: 3 }, () => 'too_many_dependents'),
  ]);
  const twins = await Promise.all(['twin', 'twin', 'twin'].map((key) => add(key, [])));
  expect(twins.toSorted()).toEqual(['added', 'key_taken', 'key_taken']);
});
