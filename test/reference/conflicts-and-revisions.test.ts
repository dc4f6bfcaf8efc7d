import { expect, test } from 'vitest';
import { claim, doTask, pushFiles, pushResolution, registerAgent, submit } from '../support/agent.ts';
import { filesAt, isContained, tipOf } from '../support/git.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan } from '../support/work.ts';

const PHASE = 'refs/heads/signalbox/goal/phase/build';

test('R4 a merge conflict is handed to a merge task with source, target and files, and what it resolves is landed', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['left', 'right'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(one, 'left'), await claim(two, 'right')];
  await pushFiles(one, left, { api: { 'shared.txt': 'left\n' } });
  const heads = await pushFiles(two, right, { api: { 'shared.txt': 'right\n' } });
  await submit(one, left);
  await work.untilTask('build', 'left', 'completed');
  const target = await tipOf(api.hub, PHASE);
  await submit(two, right);
  await work.untilTask('build', 'right', 'conflicted');
  expect(await tipOf(api.hub, PHASE)).toBe(target);

  const merge = await claim(one, 'merge-2-3');
  expect(merge.task.category).toBe('merge');
  expect(merge.conflict).toMatchObject({
    of: 'task',
    unit: { kind: 'task', key: 'right' },
    projects: [
      {
        project: 'api',
        ours: target,
        theirs: heads['api'],
        files: [{ path: 'shared.txt', type: 'CONFLICT (contents)' }],
        intents: [
          { side: 'ours', unit: { kind: 'task', key: 'left' } },
          { side: 'theirs', commit: heads['api'], unit: null },
        ],
      },
    ],
  });
  expect(merge.projects).toEqual([
    expect.objectContaining({ key: 'api', base: target, merge: heads['api'] }),
  ]);

  await pushResolution(one, merge, { api: { 'shared.txt': 'left and right\n' } });
  await submit(one, merge);
  await work.untilTask('build', 'right', 'completed');
  expect(await isContained(api.hub, heads['api'] ?? '', PHASE)).toBe(true);
  expect((await filesAt(api.hub, PHASE))['shared.txt']).toBe('left and right');
});

test('R5 what a merge task and a review task push becomes the tip of the phase itself, with no merge of it', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [{ key: 'build', tasks: ['left', 'right'] }],
  });
  const [one, two] = [await registerAgent(service, 'one'), await registerAgent(service, 'two')];
  const [left, right] = [await claim(one, 'left'), await claim(two, 'right')];
  await pushFiles(one, left, { api: { 'shared.txt': 'left\n' } });
  await pushFiles(two, right, { api: { 'shared.txt': 'right\n' } });
  await submit(one, left);
  await work.untilTask('build', 'left', 'completed');
  await submit(two, right);

  const merge = await claim(one, 'merge-2-3');
  const resolved = await pushResolution(one, merge, { api: { 'shared.txt': 'both\n' } });
  await submit(one, merge);
  const { id } = await work.untilPhase('build', 'pending_review.open');
  expect(await tipOf(api.hub, PHASE)).toBe(resolved['api']);

  await work.tell('phase', id, 'phase.requestChanges', { summary: 'One more line, please.' });
  const revised = await doTask(one, 'revision-1', { api: { 'shared.txt': 'both\nand more\n' } });
  await work.untilTask('build', 'revision-1', 'completed');
  expect(revised.claim.task.category).toBe('review');
  expect(revised.claim.projects[0]?.base).toBe(resolved['api']);
  expect(await tipOf(api.hub, PHASE)).toBe(revised.heads['api']);
});

test('R8 a request for changes makes one urgent revision task with the comments grouped by file, and the phase goes back to work', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'a.ts': 'a\n'.repeat(7), 'b.ts': 'b\n'.repeat(3) } });
  const { id } = await work.untilPhase('build', 'pending_review.open');

  const comments = [
    { project: 'api', file: 'b.ts', line: 1, text: 'Say why.' },
    { project: 'api', file: 'a.ts', line: 7, text: 'Too long.' },
    { project: 'api', file: 'b.ts', line: 3, text: 'Unused.' },
    { project: 'api', file: 'a.ts', line: 0, text: 'Rename this file.' },
  ];
  await work.tell('phase', id, 'phase.requestChanges', { summary: 'Nearly there.', comments });

  const phase = await work.untilPhase('build', 'in_progress');
  expect(phase.tasks.filter(({ category }) => category === 'review')).toEqual([
    expect.objectContaining({ key: 'revision-1', description: 'Nearly there.', priority: 90 }),
  ]);
  const revision = await claim(agent, 'revision-1');
  const [whole, long, why, unused] = revision.comments.map(({ id: comment }) => `(comment ${comment})`);
  expect(revision.task.description).toBe(`Nearly there.

Comments of the reviewer

Project api

File a.ts

- whole file ${whole}
  Rename this file.

- line 7 ${long}
      4 | a
      5 | a
      6 | a
    > 7 | a
  Too long.

File b.ts

- line 1 ${why}
    > 1 | b
      2 | b
      3 | b
  Say why.

- line 3 ${unused}
      1 | b
      2 | b
    > 3 | b
  Unused.`);
  expect(revision.comments).toMatchObject([comments[3], comments[1], comments[0], comments[2]]);
});
