import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import type { DeliveryRecord, DeliveryStrategy } from '../../src/git/delivery-types.ts';
import { revertKeepRef } from '../../src/git/keep-refs.ts';
import { prepareRevert, pushReverts } from '../../src/git/revert.ts';
import type { RevertRequest } from '../../src/git/revert-plan.ts';
import {
  deliveryStore,
  ports,
  pushBranch,
  readOnly,
  requestFor,
  type Target,
  target,
  setUpDelivery,
} from './delivery-support.ts';
import { Crash } from './landing-support.ts';
import { author, git } from './support.ts';

setUpDelivery();

const points = [
  'before-push',
  'before-push-record',
  'between-pushes',
  'after-push',
  'before-delivery-result',
] as const;
const hit = new Set<BoundaryPoint>();

/** Delivers everywhere, and asks for it back. */
async function delivered(targets: readonly Target[]): Promise<RevertRequest> {
  const request = requestFor(targets);
  const result = await deliver(request, ports());
  expect(result.result).toBe('delivered');
  const brought = await deliveryStore().load(request.effectId);
  return {
    effectId: randomUUID(),
    attempt: 1,
    unit: request.unit,
    author,
    projects: targets.map(({ id, project }) => ({
      ...project,
      brought: brought.filter(({ projectId }) => projectId === id),
    })),
  };
}

async function planned(request: RevertRequest): Promise<DeliveryRecord[]> {
  expect(await prepareRevert(request, ports())).toMatchObject({ result: 'prepared' });
  return deliveryStore().load(request.effectId);
}

const pushOf = (request: RevertRequest): RevertRequest => ({ ...request, effectId: randomUUID() });

const filesAt = (dir: string, ref: string) => git(dir, 'ls-tree', '-r', '--name-only', ref).split('\n');

const isBack = (one: Target): boolean =>
  one.project.strategy === 'push_branch'
    ? one.remote.tip(`refs/heads/${pushBranch}`) === null
    : git(one.remote.dir, 'diff', '--stat', one.base, 'main') === '';

const commitsOf = (one: Target) => Number(git(one.remote.dir, 'rev-list', '--count', 'refs/heads/main'));

const reverted = { result: 'reverted' };

describe('a revert', () => {
  it('follows the tip with a commit that has the state of before, and that with one that has the work again', async () => {
    const api = await target('api');
    const request = await delivered([api]);
    const merged = api.remote.tip('refs/heads/main');
    const [record] = await planned(request);
    const reapply = git(api.hubDir, 'rev-parse', revertKeepRef(request.effectId));
    expect(git(api.hubDir, 'rev-parse', `${reapply}^`)).toBe(record?.after);
    expect(git(api.hubDir, 'rev-parse', `${reapply}^^`)).toBe(merged);
    expect(git(api.hubDir, 'diff', '--stat', api.base, `${reapply}^`)).toBe('');
    expect(git(api.hubDir, 'diff', '--stat', merged ?? '', reapply)).toBe('');
    expect(api.remote.tip('refs/heads/main')).toBe(merged);
  });

  it('takes several merges back in one commit, the newest first', async () => {
    const api = await target('api', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' });
    const first = await delivered([api]);
    const again = api.remote.commit(
      'refs/heads/again',
      api.source,
      { 'shared.txt': 'one\nours, twice\nthree\n' },
      'More of it',
    );
    git(api.hubDir, 'fetch', '--quiet', api.remote.dir, '+refs/heads/again:refs/heads/signalbox/i/again');
    git(api.remote.dir, 'update-ref', '-d', 'refs/heads/again');
    const second = await delivered([{ ...api, project: { ...api.project, source: again } }]);
    const brought = [...first.projects, ...second.projects].flatMap((project) => project.brought);
    const [project] = second.projects;
    if (project === undefined) throw new Error('no project');
    const request = { ...second, projects: [{ ...project, brought }] };

    expect(await pushReverts(pushOf(request), await planned(request), ports())).toMatchObject(reverted);

    expect(git(api.remote.dir, 'show', 'main:shared.txt')).toBe('one\ntwo\nthree');
    const reapply = git(api.hubDir, 'rev-parse', revertKeepRef(request.effectId));
    expect(git(api.hubDir, 'show', `${reapply}:shared.txt`)).toBe('one\nours, twice\nthree');
  });

  it('has nothing to do where the remote never got it, or was rewound since', async () => {
    const [api, web] = [await target('api'), await target('web', 'push_branch')];
    const request = await delivered([api, web]);
    git(api.remote.dir, 'update-ref', 'refs/heads/main', api.base);
    git(web.remote.dir, 'update-ref', '-d', `refs/heads/${pushBranch}`);
    expect(await planned(request)).toEqual([]);
    expect(await pushReverts(pushOf(request), [], ports())).toEqual({ ...reverted, projects: [] });
    expect(api.remote.tip('refs/heads/main')).toBe(api.base);
  });

  it('keeps what others have pushed after it was planned, and says that the remote has moved', async () => {
    const [api, web] = [await target('api'), await target('web')];
    const request = await delivered([api, web]);
    const records = await planned(request);
    const theirs = api.remote.commit('refs/heads/main', api.remote.tip('refs/heads/main'), {
      'x.txt': 'x\n',
    });
    expect(await pushReverts(pushOf(request), records, ports())).toMatchObject({
      result: 'moved',
      projects: [{ state: 'prepared' }, { state: 'reverted' }],
    });
    expect(api.remote.tip('refs/heads/main')).toBe(theirs);
    expect(isBack(web)).toBe(true);
  });

  it('changes nothing anywhere when later commits of one remote are in its way', async () => {
    const [api, web] = [
      await target('api', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
      await target('web'),
    ];
    const request = await delivered([api, web]);
    const merged = web.remote.tip('refs/heads/main');
    api.remote.commit('refs/heads/main', api.remote.tip('refs/heads/main'), {
      'shared.txt': 'one\nours, theirs\nthree\n',
    });
    expect(await prepareRevert(request, ports())).toMatchObject({
      result: 'refused',
      projects: [{ projectId: 'api', state: 'refused', result: 'reverted', code: 'revert_conflicts' }],
    });
    expect(web.remote.tip('refs/heads/main')).toBe(merged);
  });

  it.each<DeliveryStrategy>(['merge_and_push', 'push_branch'])(
    'is refused before anything is pushed when one remote may not be written any more (%s)',
    async (strategy) => {
      const [api, web] = [await target('api', strategy), await target('web', strategy)];
      const request = await delivered([api, web]);
      await readOnly(web);
      const projects = request.projects.map((one) =>
        one.projectId === 'web' ? { ...one, remote: web.project.remote } : one,
      );
      expect(await prepareRevert({ ...request, projects }, ports())).toMatchObject({
        result: 'refused',
        projects: [{ projectId: 'web', state: 'refused', result: 'reverted', code: 'remote_needs_password' }],
      });
    },
  );
});

describe.each([
  ['merge_and_push', 1],
  ['merge_and_push', 2],
  ['push_branch', 2],
] as const)('a crash of a revert of %s in %i remote(s)', (strategy: DeliveryStrategy, count) => {
  it.each(points.filter((point) => count > 1 || point !== 'between-pushes'))(
    'at %s is brought to its end by the next attempt, once',
    async (point) => {
      const targets: Target[] = [];
      for (const id of ['api', 'web'].slice(0, count)) targets.push(await target(id, strategy));
      const request = await delivered(targets);
      const records = await planned(request);
      const before = targets.map(commitsOf);
      const push = pushOf(request);
      const boundary = async (reached: BoundaryPoint): Promise<void> => {
        hit.add(reached);
        if (reached === point) throw new Crash(point);
      };
      await expect(pushReverts(push, records, ports({ boundary }))).rejects.toBeInstanceOf(Crash);

      expect(await pushReverts({ ...push, attempt: 2 }, records, ports())).toMatchObject(reverted);

      expect(targets.map(isBack)).toEqual(targets.map(() => true));
      const more = strategy === 'merge_and_push' ? 1 : 0;
      expect(targets.map(commitsOf)).toEqual(before.map((commits) => commits + more));
      expect(filesAt(targets[0]?.remote.dir ?? '', 'refs/heads/main')).toEqual(['shared.txt']);
    },
  );
});

afterAll(() => expect([...hit].toSorted()).toEqual([...points].toSorted()));
