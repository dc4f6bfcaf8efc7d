import { expect, test } from 'vitest';
import { EffectFailure, EffectRetryLater, type EffectRun } from '../../src/actors/effects.ts';
import type { DeliveryRecord } from '../../src/git/delivery-types.ts';
import { orPartial, partialWhenSpent } from '../../src/services/effects/partial-delivery.ts';

const run: EffectRun = {
  effectId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a10',
  actorId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a11',
  rootId: '3f0c6c0e-0a8e-4c43-8f4e-6a3f6d5f7a11',
  kind: 'initiative.deliver',
  input: {},
  attempt: 1,
  signal: new AbortController().signal,
};

const arrived: DeliveryRecord = {
  projectId: 'api',
  strategy: 'push_branch',
  remoteRef: 'refs/heads/signalbox/goal',
  before: null,
  after: 'a'.repeat(40),
  state: 'delivered',
  result: 'pushed',
  code: null,
  message: null,
};
const waiting: DeliveryRecord = { ...arrived, projectId: 'web', state: 'prepared' };

const onRecord = (records: readonly DeliveryRecord[]) => ({ load: async () => [...records] });

/** What becomes of a delivery that throws. */
function endOf(error: Error, records: readonly DeliveryRecord[]): Promise<unknown> {
  return orPartial(onRecord(records), () => Promise.reject(error))(run).catch((thrown: unknown) => thrown);
}

test.each(['git_failed', 'git_output_too_large', 'remote_unreachable'])(
  'a delivery that fails for good with %s after a first remote got its work is partially delivered, and unclear when it may have got it',
  async (code) => {
    const failure = new EffectFailure(code, 'git says no');
    expect(await endOf(failure, [arrived, waiting])).toEqual({
      result: 'partially_delivered',
      message: `${code}: git says no`,
    });
    const unclear = { result: code, message: 'git says no', unclear: true };
    expect(await endOf(failure, [waiting])).toEqual(unclear);
    expect(await endOf(failure, [{ ...waiting, state: 'refused' }])).toBe(failure);
    expect(await endOf(failure, [])).toBe(failure);
  },
);

test('a fault that passes runs again, and is partially delivered when it was one too many', async () => {
  const fault = Object.assign(new Error('a lock'), { code: 'ref_locked' });
  expect(await endOf(fault, [arrived, waiting])).toBe(fault);
  const spent = { code: 'effect_crashed', message: 'a lock', attempts: 10 };
  expect(await partialWhenSpent(onRecord([arrived, waiting]))(run.effectId, spent)).toEqual({
    result: 'partially_delivered',
    message: 'effect_crashed: a lock',
  });
  expect(await partialWhenSpent(onRecord([waiting]))(run.effectId, spent)).toMatchObject({ unclear: true });
  expect(await partialWhenSpent(onRecord([]))(run.effectId, spent)).toBeNull();
});

test('a delivery that waits goes on waiting', async () => {
  const later = new EffectRetryLater(1_000, 'remote_unreachable');
  expect(await endOf(later, [arrived, waiting])).toBe(later);
});
