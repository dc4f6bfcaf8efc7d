import type { DeliveryRecord, DeliveryResult, DeliveryStore } from './delivery-types.ts';

/**
 * What a delivery that is given up has come to: partially delivered, if any remote has what was to be brought there; null when
 * none has. For whoever decides that a thrown failure is final: the rule holds for every code, because whatever the reason,
 * "nothing was delivered" would be untrue.
 */
export async function partialDelivery(
  store: Pick<DeliveryStore, 'load'>,
  effectId: string,
): Promise<Extract<DeliveryResult, { result: 'partially_delivered' }> | null> {
  const projects = await store.load(effectId);
  const isAnywhere = projects.some(({ state, result }) => state === 'delivered' && result !== 'empty');
  return isAnywhere ? { result: 'partially_delivered', projects, conflicts: [] } : null;
}

/** Whether it was pushed, or its push may have been begun. */
export function mayHaveArrived(record: DeliveryRecord | undefined): boolean {
  if (record === undefined || record.result === 'empty') return false;
  return record.state === 'delivered' || (record.state === 'prepared' && record.after !== null);
}
