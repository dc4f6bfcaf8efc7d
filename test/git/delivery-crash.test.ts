import { describe, expect, it } from 'vitest';
import { deliveryPoints } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import type { DeliveryRecord } from '../../src/git/delivery-types.ts';
import {
  deliverUntil,
  deliveryStore,
  hit,
  mergesOf,
  ports,
  requestFor,
  type Target,
  target,
  setUpDelivery,
} from './delivery-support.ts';
import { git } from './support.ts';

setUpDelivery();

describe.each([1, 3])('a crash of a delivery to %i remote(s)', (count) => {
  it.each(deliveryPoints.filter((point) => count > 1 || point !== 'between-pushes'))(
    'at %s is delivered by the next attempt, once',
    async (point) => {
      const targets: Target[] = [];
      for (const id of ['a1', 'b1', 'c1'].slice(0, count)) targets.push(await target(id));
      const request = requestFor(targets);
      await deliverUntil(point, request);
      expect(await deliver({ ...request, attempt: 2 }, ports())).toMatchObject({
        result: 'delivered',
        projects: targets.map(() => ({ state: 'delivered', result: 'merged' })),
      });
      expect(targets.map((one) => mergesOf(one))).toEqual(targets.map(() => 1));
      for (const one of targets)
        expect(git(one.hubDir, 'rev-parse', 'refs/heads/main')).toBe(one.remote.tip('refs/heads/main'));
    },
  );
});

it('follows a remote that took the push of another delivery of the same work', async () => {
  const api = await target('api');
  await deliverUntil('before-push-record', requestFor([api]));
  expect(git(api.hubDir, 'rev-parse', 'refs/heads/main')).toBe(api.base);
  expect(await deliver(requestFor([api]), ports())).toMatchObject({
    result: 'delivered',
    projects: [{ result: 'already' }],
  });
  expect(git(api.hubDir, 'rev-parse', 'refs/heads/main')).toBe(api.remote.tip('refs/heads/main'));
});

it('after a crash pushes the commit that was prepared, not another one', async () => {
  const api = await target('api');
  const request = requestFor([api]);
  await deliverUntil('before-push', request);
  const [stored] = await deliveryStore().load(request.effectId);
  await deliver({ ...request, attempt: 2 }, ports());
  expect(api.remote.tip('refs/heads/main')).toBe(stored?.after);
});

it('an older attempt can not overwrite the records of a newer one', async () => {
  const store = deliveryStore();
  const api = await target('api');
  const request = requestFor([api]);
  await deliver({ ...request, attempt: 2 }, ports());
  const [record] = await store.load(request.effectId);
  await expect(
    store.save(request.effectId, 1, [{ ...record, state: 'refused' } as DeliveryRecord]),
  ).rejects.toMatchObject({
    code: 'landing_superseded',
  });
  expect(await store.load(request.effectId)).toEqual([record]);
});

it('every boundary of a delivery was reached', () => {
  expect([...hit].toSorted()).toEqual([...deliveryPoints].toSorted());
});

it('that is partial because of a conflict never pushes over the conflicting commits, however often it is run', async () => {
  const [api, web] = [
    await target('api'),
    await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
  ];
  const request = requestFor([api, web]);
  await deliverUntil('after-push', request);
  const theirs = web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
  await deliverUntil('before-delivery-result', { ...request, attempt: 2 });
  expect((await deliveryStore().load(request.effectId)).map(({ code }) => code)).toEqual([null, 'conflict']);

  expect(await deliver({ ...request, attempt: 3 }, ports())).toMatchObject({
    result: 'partially_delivered',
    conflicts: [{ projectId: 'web', target: theirs }],
  });
  expect(web.remote.tip('refs/heads/main')).toBe(theirs);
});

it('that stops before the first push leaves a record with a code for each project that stops it', async () => {
  const [api, web] = [
    await target('api'),
    await target('web', 'merge_and_push', { 'shared.txt': 'one\nours\nthree\n' }),
  ];
  web.remote.commit('refs/heads/main', web.base, { 'shared.txt': 'one\ntheirs\nthree\n' });
  const conflicting = requestFor([api, web]);
  expect(await deliver(conflicting, ports())).toMatchObject({ result: 'conflict' });
  const lost = requestFor([{ ...api, project: { ...api.project, source: '1'.repeat(40) } }]);
  expect(await deliver(lost, ports())).toMatchObject({ result: 'source_lost' });

  const codes = async (effectId: string) =>
    (await deliveryStore().load(effectId)).map(({ projectId, state, code }) => [projectId, state, code]);
  expect(await codes(conflicting.effectId)).toEqual([
    ['api', 'prepared', null],
    ['web', 'refused', 'conflict'],
  ]);
  expect(await codes(lost.effectId)).toEqual([['api', 'refused', 'source_lost']]);
});
