import { describe, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import { mergesOf, ports, pushBranch, requestFor, target, setUpDelivery } from './delivery-support.ts';
import { git } from './support.ts';

setUpDelivery();

describe('a delivery', () => {
  it('merges into the default branch of one remote and pushes the branch to another', async () => {
    const [api, web] = [await target('api'), await target('web', 'push_branch')];
    const result = await deliver(requestFor([api, web]), ports());
    expect(result).toMatchObject({
      result: 'delivered',
      projects: [
        { projectId: 'api', result: 'merged', before: api.base, state: 'delivered' },
        { projectId: 'web', result: 'pushed', before: null, after: web.source, state: 'delivered' },
      ],
    });
    expect(mergesOf(api)).toBe(1);
    expect([web.remote.tip(`refs/heads/${pushBranch}`), web.remote.tip('refs/heads/main')]).toEqual([
      web.source,
      web.base,
    ]);
  });

  it("lets the hub's default branch follow after the remote has it", async () => {
    const api = await target('api');
    let seen = '';
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push') seen = git(api.hubDir, 'rev-parse', 'refs/heads/main');
    };
    await deliver(requestFor([api]), ports({ boundary }));
    expect(seen).toBe(api.base);
    expect(git(api.hubDir, 'rev-parse', 'refs/heads/main')).toBe(api.remote.tip('refs/heads/main'));
  });

  it('pushes nothing anywhere when one remote conflicts', async () => {
    const [api, web] = [
      await target('api'),
      await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
    ];
    const theirs = web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    expect(await deliver(requestFor([api, web]), ports())).toMatchObject({
      result: 'conflict',
      conflicts: [
        {
          projectId: 'web',
          target: theirs,
          source: web.source,
          conflicts: [{ path: 'shared.txt', type: 'CONFLICT (contents)' }],
        },
      ],
    });
    expect([api.remote.tip('refs/heads/main'), web.remote.tip('refs/heads/main')]).toEqual([
      api.base,
      theirs,
    ]);
  });

  it('pushes nothing anywhere when one remote can not be reached', async () => {
    const [api, web] = [await target('api'), await target('web')];
    web.project = { ...web.project, remote: 'http://127.0.0.1:9/gone.git' };
    await expect(deliver(requestFor([api, web]), ports())).rejects.toMatchObject({
      code: 'remote_unreachable',
    });
    expect(api.remote.tip('refs/heads/main')).toBe(api.base);
  });

  it('merges with what the remote has gained since', async () => {
    const api = await target('api');
    const gained = api.remote.commit('refs/heads/main', api.base, { 'gained.txt': 'gained\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ before: gained }],
    });
    expect(api.remote.show(api.remote.tip('refs/heads/main') ?? '', 'gained.txt')).toBe('gained');
  });

  it('fetches and merges again when the remote moves between probe and push, and overwrites nothing', async () => {
    const api = await target('api');
    let gained = '';
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push')
        gained = api.remote.commit('refs/heads/main', api.base, { 'gained.txt': 'gained\n' });
    };
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'delivered',
      projects: [{ before: gained }],
    });
    expect(git(api.remote.dir, 'rev-list', 'refs/heads/main').split('\n')).toContain(gained);
  });

  it('asks for the approval again when a remote has moved, and pushes nothing that is not approved any more', async () => {
    const [api, web] = [await target('api'), await target('web')];
    const asked: string[] = [];
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'between-pushes')
        web.remote.commit('refs/heads/main', web.base, { 'gained.txt': 'gained\n' });
    };
    const stillApproved = async (): Promise<string | null> => {
      asked.push(web.remote.tip('refs/heads/main') ?? '');
      return 'web has 1 new commits';
    };
    expect(await deliver(requestFor([api, web]), ports({ boundary, stillApproved }))).toMatchObject({
      result: 'partially_delivered',
      projects: [
        { projectId: 'api', state: 'delivered' },
        { projectId: 'web', state: 'refused', code: 'heads_moved', message: 'web has 1 new commits' },
      ],
    });
    expect(asked).toEqual([web.remote.tip('refs/heads/main')]);
    expect(mergesOf(web)).toBe(0);
  });

  it('is no delivery at all when the approval is gone before the first push', async () => {
    const api = await target('api');
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push')
        api.remote.commit('refs/heads/main', api.base, { 'gained.txt': 'gained\n' });
    };
    const stillApproved = async () => 'api has 1 new commits';
    expect(await deliver(requestFor([api]), ports({ boundary, stillApproved }))).toMatchObject({
      result: 'heads_moved',
      message: 'api has 1 new commits',
    });
    expect(mergesOf(api)).toBe(0);
  });

  it('gives the conflict when the remote moves before the push and then conflicts', async () => {
    const api = await target('api', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' });
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push')
        api.remote.commit('refs/heads/main', api.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    };
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'conflict',
      conflicts: [{ projectId: 'api' }],
    });
  });

  it('is no conflict when the remote moves before the push to a history of its own', async () => {
    const api = await target('api');
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push') api.remote.commit('refs/heads/main', null, { 'other.txt': 'other\n' });
    };
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'refused',
      projects: [{ state: 'refused', code: 'unrelated' }],
    });
  });

  it('has nothing to do for a project without work', async () => {
    const api = await target('api');
    api.project = { ...api.project, source: null };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ result: 'empty' }],
    });
    expect(api.remote.tip('refs/heads/main')).toBe(api.base);
  });

  it('does not call a remote without any work a partial delivery when another conflicts', async () => {
    const [api, web] = [
      await target('api'),
      await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
    ];
    api.project = { ...api.project, source: api.base };
    web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
    expect(await deliver(requestFor([api, web]), ports())).toMatchObject({ result: 'conflict' });
  });

  it('stops as source_lost when the approved head is gone', async () => {
    const api = await target('api');
    api.project = { ...api.project, source: '2'.repeat(40) };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'source_lost',
      projects: [{ projectId: 'api', expected: '2'.repeat(40) }],
    });
  });

  it('stops as unrelated when the remote shares no history', async () => {
    const api = await target('api');
    const other = api.remote.commit('refs/heads/main', null, { 'other.txt': 'other\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'unrelated',
      projects: [{ expected: other, found: api.source }],
    });
  });
});
