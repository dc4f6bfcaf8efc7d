import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { FAR_BEHIND } from '../../src/services/explain/sync-suggestion.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject } from '../support/work.ts';

/** So many others push to the default branch. */
async function pushed({ remote }: TestProject, commits: number): Promise<string> {
  const commit = [
    'commit refs/heads/main',
    'committer Other <other@example.org> 1790000000 +0000',
    'data 5',
    'Other',
    '',
  ].join('\n');
  const first = commit.replace('Other\n', 'Other\nfrom refs/heads/main^0\n');
  execFileSync('git', ['fast-import', '--quiet'], {
    cwd: remote.dir,
    input: [first, ...Array.from({ length: commits - 1 }, () => commit)].join('\n'),
    env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  });
  return (await remote.tip()) ?? '';
}

async function running() {
  const service = await startTestService();
  const [api, web] = [await addProject(service, 'api'), await addProject(service, 'web')];
  const plan = { projects: [api, web], phases: [{ key: 'build', tasks: ['login'] }] };
  const work = await applyPlan(service, plan);
  await work.untilState('in_progress.running');
  let others = 0;
  /** Another initiative fetches what it begins on. */
  const fetched = async () => {
    const other = await applyPlan(service, { ...plan, key: `other-${(others += 1)}` });
    await other.untilState('in_progress.running');
  };
  const suggested = async () => (await work.explain('initiative', work.id)).suggestions;
  return { service, api, web, work, fetched, suggested };
}

test('a sync is suggested from so many commits on that the initiative lacks of a default branch, and not any more after it', async () => {
  const { api, work, fetched, suggested } = await running();
  await pushed(api, FAR_BEHIND - 1);
  await fetched();
  expect(await suggested()).toEqual([]);

  const tip = await pushed(api, 1);
  // Nobody has fetched it yet, and an explanation does not.
  expect(await suggested()).toEqual([]);
  await fetched();
  expect(await suggested()).toEqual([
    {
      event: 'initiative.sync',
      text: expect.stringContaining(
        `api (${FAR_BEHIND} commits of main, as fetched last: ${tip.slice(0, 12)})`,
      ),
      projects: [{ key: 'api', branch: 'main', commits: FAR_BEHIND, isMore: false, tip }],
    },
  ]);

  await work.tell('initiative', work.id, 'initiative.sync');
  await work.untilState('in_progress.running');
  expect(await suggested()).toEqual([]);
});

test('a sync is suggested only where the initiative takes it, and counting ends somewhere', async () => {
  const { api, web, work, fetched, suggested } = await running();
  await pushed(api, FAR_BEHIND);
  await pushed(web, 1_001);
  await fetched();
  expect((await suggested()).flatMap(({ projects }) => projects)).toMatchObject([
    { key: 'api', commits: FAR_BEHIND, isMore: false },
    { key: 'web', commits: 1_000, isMore: true },
  ]);

  await work.tell('initiative', work.id, 'initiative.pause');
  const paused = await work.explain('initiative', work.id);
  expect(paused).toMatchObject({ path: 'in_progress.paused', suggestions: [] });
  expect(paused.moves.map(({ event }) => event)).not.toContain('initiative.sync');

  await work.tell('initiative', work.id, 'initiative.resume');
  const resumed = await work.explain('initiative', work.id);
  expect(resumed.suggestions).toHaveLength(1);
  expect(resumed.moves).toContainEqual(
    expect.objectContaining({ event: 'initiative.sync', by: ['admin', 'operator'] }),
  );
  const [phase] = (await work.tree()).phases;
  expect((await work.explain('phase', phase?.id ?? '')).suggestions).toEqual([]);
});
