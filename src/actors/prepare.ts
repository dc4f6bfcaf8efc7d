import { readActor } from './actor-row.ts';
import type { Loaded } from './actor-store.ts';
import { answerOf } from './answer.ts';
import type { Attempt, Prepared } from './attempt.ts';
import { admit, admitMessage, refuse } from './door.ts';
import type { Incoming } from './incoming.ts';
import { inOrder } from './message-order.ts';
import type { Refused } from './outcome.ts';
import type { Delivery, Job, Pending } from './pending.ts';
import { isInternal } from './pending.ts';
import type { Registered, Registry } from './registry.ts';
import type { LoadedActor } from './turn.ts';
import { takeTurn } from './turn.ts';

type Aside = Extract<Loaded, { found: 'aside' }>;

/** Steps one actor; null when there is nothing to commit for it. What can be said of its events goes into the attempt. */
export function prepare(
  registry: Registry,
  job: Job,
  loaded: Loaded | undefined,
  attempt: Attempt,
): Prepared | null {
  if (job.pendings.length === 0) return null;
  if (loaded === undefined || loaded.found === 'missing') {
    for (const pending of job.pendings) {
      attempt.answers.push({ pending, delivery: refuse('unknown_actor', 'there is no actor of that id') });
      const origin = 'incoming' in pending.source ? pending.source.incoming.origin : null;
      if (origin?.kind === 'message') attempt.deadLetters.push(origin.messageId);
    }
    return null;
  }
  if (loaded.found === 'aside') return prepareAside(registry, job, loaded, attempt);
  return stepJob(registry, loaded.actor, job.pendings, attempt);
}

/** Of an actor in quarantine only a replay is stepped; others are refused, and rows of internal events stay. */
function prepareAside(
  registry: Registry,
  job: Job,
  { row, reason }: Aside,
  attempt: Attempt,
): Prepared | null {
  const replays = job.pendings.filter(
    ({ source }) => 'incoming' in source && source.incoming.origin?.kind === 'quarantine',
  );
  for (const pending of job.pendings) {
    if (replays.includes(pending)) continue;
    const refusal = refuse('quarantined', `the actor is set aside until an operator replays it: ${reason}`);
    const delivery: Delivery = isInternal(pending) ? { outcome: 'dropped' } : refusal;
    attempt.doubts.push({ pending, delivery, version: Number(row.version) });
  }
  return replays.length === 0 ? null : stepJob(registry, readActor(registry, row), replays, attempt);
}

function stepJob(
  registry: Registry,
  actor: LoadedActor,
  pendings: readonly Pending[],
  attempt: Attempt,
): Prepared {
  const registered = registry.get(actor.machine);
  const refused: { pending: Pending; delivery: Refused }[] = [];
  const admitted = new Map<Incoming, Pending>();
  for (const pending of inOrder(pendings)) {
    const incoming = letIn(registered, pending);
    if ('outcome' in incoming) refused.push({ pending, delivery: incoming });
    else admitted.set(incoming, pending);
  }
  const turn = takeTurn(registry, actor, [...admitted.keys()]);
  const describe = (refusal: Refused): Refused => ({
    ...refusal,
    version: turn.row.version,
    ...answerOf(registered, turn.actor.state.snapshot),
  });
  const version = turn.plan.entries.length === 0 ? turn.base : turn.row.version;
  for (const { pending, delivery } of refused)
    attempt.doubts.push({ pending, delivery: describe(delivery), version });
  const stepped = new Set<Pending>();
  for (const { incoming, stepped: result } of turn.steps) {
    const pending = admitted.get(incoming) as Pending;
    stepped.add(pending);
    if (result.result === 'stale')
      attempt.doubts.push({ pending, delivery: { outcome: 'dropped' }, version });
    if (result.result === 'refused')
      attempt.doubts.push({ pending, delivery: describe(refuse(result.code, result.message)), version });
  }
  const rest = [...admitted.values()].filter((pending) => !stepped.has(pending));
  if (rest.length > 0) attempt.leftovers.push({ actorId: actor.id, pendings: rest, why: 'again' });
  return { pendings: admitted, turn };
}

function letIn(registered: Registered, { source }: Pending): Incoming | Refused {
  if ('posted' in source) return admit(registered, source.posted);
  return source.incoming.origin?.kind === 'message'
    ? admitMessage(registered, source.incoming)
    : source.incoming;
}
