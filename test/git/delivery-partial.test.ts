import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import { recordArrivals } from '../../src/git/delivery-arrivals.ts';
import { partialDelivery } from '../../src/git/delivery-partial.ts';
import type { DeliveryResult } from '../../src/git/delivery-types.ts';
import {
  deliveryStore,
  deliverUntil,
  mergesOf,
  ports,
  refuseEveryPush,
  requestFor,
  type Target,
  target,
  setUpDelivery,
} from './delivery-support.ts';

setUpDelivery();

describe('a failure after a first success', () => {
  it('is partially_delivered once it is final, whatever its code', async () => {
    const targets = [await target('api'), await target('web')];
    const [api, web] = targets as [Target, Target];
    const request = requestFor(targets);
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'after-push') writeFileSync(join(web.remote.dir, 'config'), 'neither one nor the other');
    };
    await expect(deliver(request, ports({ boundary }))).rejects.toMatchObject({ code: 'git_failed' });
    expect(mergesOf(api)).toBe(1);
    expect(await partialDelivery(deliveryStore(), request.effectId)).toMatchObject({
      result: 'partially_delivered',
      projects: [
        { projectId: 'api', state: 'delivered' },
        { projectId: 'web', state: 'prepared' },
      ],
    });
  });

  it('of an earlier delivery is too, when another remote can not even be asked', async () => {
    const [web, api] = [await target('web'), await target('api')];
    await deliver(requestFor([api]), ports());
    web.project = { ...web.project, remote: 'http://127.0.0.1:9/gone.git' };
    const request = requestFor([web, api]);
    await expect(deliver(request, ports())).rejects.toMatchObject({ code: 'remote_unreachable' });
    expect(await partialDelivery(deliveryStore(), request.effectId)).toMatchObject({
      projects: [{ projectId: 'api', state: 'delivered', result: 'already' }],
    });
  });

  it('stays so when the remote that has its work can not be asked any more', async () => {
    const [api, web] = [await target('api'), await target('web')];
    const request = requestFor([api, web]);
    await deliverUntil('between-pushes', request);
    renameSync(api.remote.dir, `${api.remote.dir}-away`);
    refuseEveryPush(web.remote);
    expect(await deliver({ ...request, attempt: 2 }, ports())).toMatchObject({
      result: 'partially_delivered',
      projects: [
        { projectId: 'api', state: 'delivered', result: 'merged' },
        { projectId: 'web', state: 'refused' },
      ],
    });
  });

  it('is unclear when the remote took the push and then refuses to be asked, in this attempt and the next', async () => {
    const api = await target('api');
    const request = requestFor([api]);
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'before-push-record') renameSync(api.remote.dir, `${api.remote.dir}-away`);
    };
    const refusal = { code: 'remote_not_a_repository', isUnclear: true };
    await expect(deliver(request, ports({ boundary }))).rejects.toMatchObject(refusal);
    await expect(deliver({ ...request, attempt: 2 }, ports())).rejects.toMatchObject(refusal);
    expect(await deliveryStore().load(request.effectId)).toMatchObject([{ state: 'prepared' }]);
  });

  it('is no partial delivery when nothing was brought anywhere', async () => {
    const [web, api] = [await target('web'), await target('api')];
    api.project = { ...api.project, source: api.base };
    web.project = { ...web.project, remote: 'http://127.0.0.1:9/gone.git' };
    const request = requestFor([api, web]);
    await expect(deliver(request, ports())).rejects.toMatchObject({ code: 'remote_unreachable' });
    expect(await partialDelivery(deliveryStore(), request.effectId)).toBeNull();
  });
});

describe('a delivery that does not go on after it was interrupted', () => {
  it('is partially_delivered when the push that was begun has arrived, and not when it has not', async () => {
    const targets = [await target('api'), await target('web')];
    const [api] = targets as [Target, Target];
    const [request, unsent] = [requestFor(targets), requestFor(targets)];
    await deliverUntil('before-push', unsent);
    await recordArrivals({ ...unsent, attempt: 2 }, ports());
    expect(await partialDelivery(deliveryStore(), unsent.effectId)).toBeNull();

    await deliverUntil('before-push-record', request);
    renameSync(api.remote.dir, `${api.remote.dir}-away`);
    await expect(recordArrivals({ ...request, attempt: 2 }, ports())).rejects.toMatchObject({
      code: 'remote_not_a_repository',
      isUnclear: true,
    });
    renameSync(`${api.remote.dir}-away`, api.remote.dir);
    await recordArrivals({ ...request, attempt: 3 }, ports());
    expect(await partialDelivery(deliveryStore(), request.effectId)).toMatchObject({
      projects: [
        { projectId: 'api', state: 'delivered' },
        { projectId: 'web', state: 'prepared' },
      ],
    });
  });
});

describe('a refusal after a first success', () => {
  it('is partially_delivered with a record per project, and running it again delivers the rest (F9)', async () => {
    const targets = [await target('api'), await target('web'), await target('docs')];
    const [api, web, docs] = targets as [Target, Target, Target];
    refuseEveryPush(web.remote);
    const result: DeliveryResult = await deliver(requestFor(targets), ports());
    expect(result).toMatchObject({
      result: 'partially_delivered',
      projects: [
        { projectId: 'api', state: 'delivered' },
        {
          projectId: 'web',
          state: 'refused',
          code: 'remote_refused',
          message: expect.stringContaining('pre-receive hook declined'),
        },
        { projectId: 'docs', state: 'prepared' },
      ],
    });
    expect(docs.remote.tip('refs/heads/main')).toBe(docs.base);
    // While it goes on refusing, what the first has still counts.
    expect(await deliver(requestFor(targets), ports())).toMatchObject({
      result: 'partially_delivered',
      projects: [{ state: 'delivered' }, { state: 'refused' }, { state: 'prepared' }],
    });
    chmodSync(join(web.remote.dir, 'hooks', 'pre-receive'), 0o644);
    expect(await deliver(requestFor(targets), ports())).toMatchObject({
      result: 'delivered',
      projects: [{ result: 'already' }, { result: 'merged' }, { result: 'merged' }],
    });
    expect([api, web, docs].map((one) => mergesOf(one))).toEqual([1, 1, 1]);
  });

  it('is refused, with nothing delivered, when it is the first', async () => {
    const targets = [await target('api'), await target('web')];
    const [first, second] = targets as [Target, Target];
    refuseEveryPush(first.remote);
    expect(await deliver(requestFor(targets), ports())).toMatchObject({
      result: 'refused',
      projects: [{ state: 'refused' }, { state: 'prepared' }],
    });
    expect(second.remote.tip('refs/heads/main')).toBe(second.base);
  });
});
