import type { ActorStore } from './actor-store.ts';
import type { Attempt } from './attempt.ts';
import { senderOf } from './message-order.ts';
import type { Job, Pending } from './pending.ts';
import { isInternal } from './pending.ts';
import { readStanding, readyInputs } from './recorded.ts';
import type { Sql } from './sql.ts';

/** Events that may have been committed before: answered from the journal, dropped when their row is gone, else tried again. */
export async function answerUncertain(
  sql: Sql,
  jobs: readonly Job[],
  attempt: Attempt,
): Promise<readonly Job[]> {
  const uncertain = jobs.flatMap(({ pendings }) => pendings).filter((pending) => pending.isUncertain);
  if (uncertain.length === 0) return jobs;
  const { recorded } = await readStanding(sql, uncertain);
  const internal = uncertain.flatMap(({ actorId, source }) =>
    'incoming' in source ? [{ actorId, incoming: source.incoming }] : [],
  );
  const ready = await readyInputs(sql, internal);
  const settled = new Set<Pending>();
  for (const pending of uncertain) {
    const known = recorded.get(`${pending.actorId}/${pending.eventId}`);
    // A message that keeps losing stands behind an older one: the next look at the table brings both, in order.
    const isBehind = senderOf(pending) !== null && pending.losses > 3;
    const isLost = isInternal(pending) && (!ready.has(pending.eventId) || isBehind);
    if (known === undefined && !isLost) continue;
    settled.add(pending);
    attempt.answers.push({ pending, delivery: known ?? { outcome: 'dropped' } });
  }
  return jobs.map(({ actorId, pendings }) => ({
    actorId,
    pendings: pendings.filter((pending) => !settled.has(pending)),
  }));
}

/** Says no only when the journal does not know the event and the actor is where it was thought to be. */
export async function settleDoubts(
  sql: Sql,
  store: Pick<ActorStore, 'forget'>,
  attempt: Attempt,
): Promise<void> {
  const { doubts } = attempt;
  if (doubts.length === 0) return;
  const standing = await readStanding(
    sql,
    doubts.map(({ pending }) => pending),
  );
  for (const { pending, delivery, version } of doubts) {
    const recorded = standing.recorded.get(`${pending.actorId}/${pending.eventId}`);
    if (recorded !== undefined) {
      attempt.answers.push({ pending, delivery: recorded });
    } else if (standing.versions.get(pending.actorId) === version) {
      attempt.answers.push({ pending, delivery });
    } else {
      store.forget(pending.actorId);
      attempt.leftovers.push({ actorId: pending.actorId, pendings: [pending], why: 'again' });
    }
  }
}
