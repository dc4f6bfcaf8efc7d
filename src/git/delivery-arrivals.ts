import { mayHaveArrived } from './delivery-partial.ts';
import { currentTip } from './delivery-plan.ts';
import { hasArrived } from './delivery-push.ts';
import { askAfterPush } from './delivery-refusal.ts';
import type { DeliveryPorts, DeliveryProject, DeliveryRequest } from './delivery-types.ts';
import { branchOf } from './ref-name.ts';
import { parseRemoteUrl } from './remote-url.ts';

interface ArrivalRequest extends Pick<DeliveryRequest, 'effectId' | 'attempt'> {
  readonly projects: readonly Omit<DeliveryProject, 'strategy' | 'source' | 'pushBranch'>[];
}

/**
 * For a delivery that does not go on: asks the remotes whether a push that an earlier attempt may have begun has arrived, and puts
 * the first that has on record; one is enough to make it partial. Throws, as unclear, what keeps a remote from being asked.
 */
export async function recordArrivals(
  { effectId, attempt, projects }: ArrivalRequest,
  { store, signal, remotes }: Pick<DeliveryPorts, 'store' | 'signal' | 'remotes'>,
): Promise<void> {
  const begun = (await store.load(effectId)).filter(mayHaveArrived);
  if (begun.some(({ state }) => state === 'delivered')) return;
  for (const record of begun) {
    const asked = projects.find(({ projectId }) => projectId === record.projectId);
    if (asked === undefined) continue;
    const hasIt = await askAfterPush(async () => {
      const remote = parseRemoteUrl(asked.remote, remotes);
      const project = { ...asked, remote, repository: asked.repository.until(signal) };
      return hasArrived({ project, record }, await currentTip(project, branchOf(record.remoteRef), signal));
    });
    if (!hasIt) continue;
    await store.save(effectId, attempt, [{ ...record, state: 'delivered' }]);
    return;
  }
}
