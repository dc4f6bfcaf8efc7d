import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import type { DeliveryStrategy } from '../../src/git/delivery-types.ts';
import { knownRefusal } from '../../src/git/remote-refusal.ts';
import {
  ports,
  pushBranch,
  readOnly,
  refuseEveryPush,
  requestFor,
  type Target,
  target,
  setUpDelivery,
} from './delivery-support.ts';
import { git, tempFolder } from './support.ts';

setUpDelivery();

describe('a delivery', () => {
  it('refuses a push branch on which somebody else has worked', async () => {
    const api = await target('api', 'push_branch');
    const theirs = api.remote.commit(`refs/heads/${pushBranch}`, api.base, { 'theirs.txt': 'theirs\n' });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_branch_diverged', state: 'refused' }],
    });
    expect(api.remote.tip(`refs/heads/${pushBranch}`)).toBe(theirs);
  });

  it('says that the default branch is missing', async () => {
    const api = await target('api');
    git(api.remote.dir, 'update-ref', '-d', 'refs/heads/main');
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'default_branch_missing' }],
    });
  });

  it('refuses a remote that its scheme does not allow', async () => {
    const api = await target('api');
    api.project = { ...api.project, remote: 'ext::sh -c evil' };
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_scheme_not_allowed' }],
    });
  });
});

describe('a remote that may be read and not written', () => {
  it.each<DeliveryStrategy>(['merge_and_push', 'push_branch'])(
    'is known before anything is pushed anywhere (%s)',
    async (strategy) => {
      const [api, web] = [await target('api', strategy), await target('web', strategy)];
      await readOnly(web);
      const before = git(api.remote.dir, 'for-each-ref');
      expect(await deliver(requestFor([api, web]), ports())).toMatchObject({
        result: 'refused',
        projects: [
          { projectId: 'api', state: 'prepared', code: null },
          { projectId: 'web', state: 'refused', code: 'remote_needs_password' },
        ],
      });
      expect(git(api.remote.dir, 'for-each-ref')).toBe(before);
    },
  );
});

describe('a remote that can not move the ref', () => {
  it.each(['signalbox', `${pushBranch}/old`])(
    'because its branch %s is in the way is known before anything is pushed anywhere',
    async (inTheWay) => {
      const [api, web] = [await target('api', 'push_branch'), await target('web', 'push_branch')];
      web.remote.outsideUpdate(`refs/heads/${inTheWay}`, web.base);
      expect(await deliver(requestFor([api, web]), ports())).toMatchObject({
        result: 'refused',
        projects: [
          { code: null },
          { code: 'remote_branch_blocked', message: expect.stringContaining(`branch ${inTheWay}`) },
        ],
      });
      expect(api.remote.tip(`refs/heads/${pushBranch}`)).toBeNull();
    },
  );

  it('and says so beforehand is believed only while the branch is there', async () => {
    const api = await target('api', 'push_branch');
    api.remote.outsideUpdate('refs/heads/signalbox', api.base);
    expect(await deliver(requestFor([api]), ports())).toMatchObject({ result: 'refused' });
    git(api.remote.dir, 'update-ref', '-d', 'refs/heads/signalbox');
    expect(await deliver(requestFor([api]), ports())).toMatchObject({ result: 'delivered' });
  });

  it.each<DeliveryStrategy>(['merge_and_push', 'push_branch'])(
    'and has not moved is quoted, and not said to have moved (%s)',
    async (strategy) => {
      const api = await target('api', strategy);
      const branch = strategy === 'push_branch' ? pushBranch : 'main';
      const lock = join(api.remote.dir, 'refs', 'heads', `${branch}.lock`);
      mkdirSync(dirname(lock), { recursive: true });
      writeFileSync(lock, '');
      const request = requestFor([api]);
      expect(await deliver(request, ports())).toMatchObject({
        result: 'refused',
        projects: [
          {
            code: 'remote_refused',
            message: expect.stringMatching(/failed to update ref.*cannot lock ref 'refs\/heads/),
          },
        ],
      });
      rmSync(lock);
      expect(await deliver({ ...request, attempt: 2 }, ports())).toMatchObject({ result: 'delivered' });
    },
  );

  it('at the moment, because another push has the lock, gets the push when that one has ended', async () => {
    const api = await target('api');
    const lock = join(api.remote.dir, 'refs', 'heads', 'main.lock');
    writeFileSync(lock, '');
    const log = { info: () => rmSync(lock, { force: true }), warn: () => undefined };
    expect(await deliver(requestFor([api]), ports({ log }))).toMatchObject({ result: 'delivered' });
  });

  it('and has what was pushed all the same was pushed to', async () => {
    const api = await target('api');
    const hook = join(api.remote.dir, 'hooks', 'update');
    mkdirSync(dirname(hook), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\ngit update-ref "$1" "$3"\n', { mode: 0o755 });
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ state: 'delivered', result: 'merged', before: api.base }],
    });
  });
});

describe("a remote's own hook", () => {
  it.each([
    'ticket ABC-1 does not exist',
    'Connection refused by the license server',
    'Authentication failed: sign your commits',
    'you may not push: branch is currently checked out by Bob',
  ])('that refuses with %j is quoted, and not taken for git', async (words) => {
    const api = await target('api');
    refuseEveryPush(api.remote, words);
    expect(await deliver(requestFor([api]), ports())).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_refused', message: expect.stringContaining('pre-receive hook declined') }],
    });
  });

  it('that breaks the line off is not taken for git either', () => {
    const said = 'remote: checking\rremote: Connection refused        \nerror: failed to push some refs';
    expect(knownRefusal(said)).toBeNull();
    expect(knownRefusal(`${said}\nfatal: Could not resolve host: example.test`)).toMatchObject({
      code: 'remote_unreachable',
    });
  });
});

describe('a remote whose branch is checked out', () => {
  async function laptop(strategy: DeliveryStrategy): Promise<Target & { path: string }> {
    const api = await target('api', strategy);
    const path = join(tempFolder(), 'laptop');
    git(api.remote.dir, 'clone', '--quiet', '--branch', 'main', api.remote.dir, path);
    api.project = { ...api.project, remote: path };
    return { ...api, path };
  }

  it('is refused for merge_and_push, with the way out', async () => {
    const api = await laptop('merge_and_push');
    const result = await deliver(requestFor([api]), ports());
    expect(result).toMatchObject({
      result: 'refused',
      projects: [
        {
          code: 'remote_branch_checked_out',
          message: expect.stringContaining('use push_branch, or a bare remote'),
        },
      ],
    });
    expect(git(api.path, 'rev-parse', 'main')).toBe(api.base);
  });

  it('takes push_branch', async () => {
    const api = await laptop('push_branch');
    expect(await deliver(requestFor([api]), ports())).toMatchObject({ result: 'delivered' });
    expect(git(api.path, 'rev-parse', pushBranch)).toBe(api.source);
  });

  it("is recognized by git's refusal where it can not be seen", async () => {
    const api = await laptop('merge_and_push');
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push') git(api.path, 'checkout', '--quiet', 'main');
    };
    git(api.path, 'checkout', '--quiet', '--detach');
    expect(await deliver(requestFor([api]), ports({ boundary }))).toMatchObject({
      result: 'refused',
      projects: [{ code: 'remote_branch_checked_out' }],
    });
  });
});
