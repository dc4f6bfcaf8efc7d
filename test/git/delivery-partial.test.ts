import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../src/git/delivery.ts';
import type { DeliveryResult } from '../../src/git/delivery-types.ts';
import { mergesOf, ports, refuseEveryPush, requestFor, type Target, target } from './delivery-support.ts';

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
