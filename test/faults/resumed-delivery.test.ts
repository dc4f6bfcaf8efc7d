import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { doTask, registerAgent } from '../support/agent.ts';
import { isContained } from '../support/git.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

// Three remotes, and deliveries that are tried again and again: slow on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

type Strategy = 'push_branch' | 'merge_and_push';
const BRANCHES = { push_branch: 'signalbox/goal', merge_and_push: 'main' } as const;

/** A remote that writes down what it was pushed, and can be told to refuse. */
interface Watched extends TestProject {
  refuse(): Promise<void>;
  accept(): Promise<void>;
  pushes(): Promise<number>;
}

async function watched(service: TestService, key: string): Promise<Watched> {
  const project = await addProject(service, key);
  const hooks = path.join(project.remote.dir, 'hooks');
  const [log, refusal] = [path.join(project.remote.dir, 'pushes'), path.join(hooks, 'pre-receive')];
  await mkdir(hooks, { recursive: true });
  await writeFile(log, '');
  await executable(path.join(hooks, 'post-receive'), `cat >>"${log}"`);
  return {
    ...project,
    refuse: () => executable(refusal, 'exit 1'),
    accept: () => rm(refusal),
    pushes: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean).length,
  };
}

async function executable(file: string, line: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${line}\n`);
  await chmod(file, 0o755);
}

interface Story {
  readonly service: TestService;
  readonly work: Work;
  /** Delivered in this order. */
  readonly remotes: readonly [Watched, Watched, Watched];
  readonly heads: Readonly<Record<string, string | null>>;
}

/** An initiative over three projects whose approval brought the first one to its remote, was refused by the second, and never came to the third. */
async function stopped(strategy: Strategy): Promise<Story> {
  const service = await startTestService();
  const remotes = [
    await watched(service, 'api'),
    await watched(service, 'lib'),
    await watched(service, 'web'),
  ] as const;
  const work = await applyPlan(service, {
    mode: 'yolo',
    projects: remotes.map((project) => ({ project, strategy })),
    phases: [{ key: 'build', tasks: ['login'] }],
  });
  await doTask(await registerAgent(service), 'login', {
    api: { 'a.txt': 'a\n' },
    lib: { 'l.txt': 'l\n' },
    web: { 'w.txt': 'w\n' },
  });
  await work.untilState('pending_review.open');
  const { heads } = await work.review('initiative', work.id);
  await remotes[1].refuse();
  await work.tell('initiative', work.id, 'initiative.approve', { heads });
  await work.untilState('partially_delivered');
  return { service, work, remotes, heads };
}

function pushesOf({ remotes }: Story): Promise<number[]> {
  return Promise.all(remotes.map((remote) => remote.pushes()));
}

async function deliveriesOf({ work }: Story): Promise<unknown[]> {
  return (await work.tree()).projects.map(({ delivery }) => delivery?.state);
}

test.each(['push_branch', 'merge_and_push'] as const)(
  'F9 an approval by %s that was pushed to one project and refused by the next is resumed: what is missing is pushed, and nothing twice',
  async (strategy) => {
    const story = await stopped(strategy);
    const { service, work, remotes, heads } = story;
    const branch = BRANCHES[strategy];
    expect(await pushesOf(story)).toEqual([1, 0, 0]);
    expect(await deliveriesOf(story)).toEqual(['delivered', 'refused', 'prepared']);
    const delivered = await remotes[0].remote.tip(branch);
    // To approve it again is not the way, and the refusal names the one that is.
    expect(await work.refusalOf('initiative', work.id, 'initiative.approve', { heads })).toMatchObject({
      code: 'not_enabled',
      details: { next: expect.arrayContaining(['initiative.resumeDelivery']) },
    });

    // While the remote goes on refusing, as often as it is asked.
    for (let time = 0; time < 2; time += 1) {
      const { version } = await work.tell('initiative', work.id, 'initiative.resumeDelivery');
      const tree = await work.untilState('partially_delivered');
      expect(tree.version).toBeGreaterThan(version);
      expect(await pushesOf(story)).toEqual([1, 0, 0]);
    }
    // It is on record, not in memory.
    await service.stop();
    await service.start();
    await remotes[1].accept();
    await work.tell('initiative', work.id, 'initiative.resumeDelivery');

    await work.untilState('completed');
    expect(await pushesOf(story)).toEqual([1, 1, 1]);
    expect(await deliveriesOf(story)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(await remotes[0].remote.tip(branch)).toBe(delivered);
    for (const { key, remote } of remotes)
      expect(await isContained(remote.dir, heads[key] ?? '', `refs/heads/${branch}`)).toBe(true);
  },
);

test('F9 a resumed delivery takes nothing back of what others have pushed since, to the project that has its work and to the others', async () => {
  const story = await stopped('merge_and_push');
  const { work, remotes, heads } = story;
  await remotes[1].accept();
  const theirs: string[] = [];
  for (const { key, remote } of remotes) theirs.push(await remote.commit({ [`theirs-${key}.txt`]: 't\n' }));

  await work.tell('initiative', work.id, 'initiative.resumeDelivery');

  await work.untilState('completed');
  // One of ours each; theirs came beside them.
  expect(await pushesOf(story)).toEqual([1, 1, 1]);
  expect(await remotes[0].remote.tip()).toBe(theirs[0]);
  for (const [at, { key, remote }] of remotes.entries())
    for (const commit of [theirs[at], heads[key]])
      expect(await isContained(remote.dir, commit ?? '', 'refs/heads/main')).toBe(true);
});

test('F9 two resumes at once are one delivery', async () => {
  const story = await stopped('push_branch');
  const { work, remotes } = story;
  await remotes[1].accept();
  const answers = await Promise.all(
    Array.from({ length: 6 }, () =>
      work.service.call('operator', 'POST', `/v1/initiatives/${work.id}/events`, {
        type: 'initiative.resumeDelivery',
      }),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200, 409, 409, 409, 409, 409,
  ]);
  await work.untilState('completed');
  expect(await pushesOf(story)).toEqual([1, 1, 1]);
});
