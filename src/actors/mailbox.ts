import type { Committer } from './committer.ts';
import type { Incoming } from './incoming.ts';
import type { PostedEvent } from './outcome.ts';
import type { Delivery, Job, Leftover, Pending } from './pending.ts';
import { isInternal, OutcomeUnknown } from './pending.ts';

/** More events in one statement make it slower than two statements. */
const MOST_EVENTS = 256;
/** So that one busy actor leaves room for the others. */
const MOST_EVENTS_OF_ONE = 64;
const LOSSES_BEFORE_ALONE = 3;

/**
 * The events that wait, a queue per actor. When the previous commit has returned, all that waits is the next batch: an idle
 * server commits at once, a busy one batches by itself.
 */
export class Mailbox {
  readonly #committer: Pick<Committer, 'commit' | 'commitAlone'>;
  readonly #queues = new Map<string, Pending[]>();
  readonly #waiting = new Map<string, Pending>();
  /** Actors that must not be in a batch now: their last one is open, or they sit out a delay. */
  readonly #resting = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #isPumping = false;
  #isClosing = false;
  /** Commits without an answer, one after the other; however many actors were in them. */
  #unknowns = 0;

  constructor(committer: Pick<Committer, 'commit' | 'commitAlone'>) {
    this.#committer = committer;
  }

  /** Queues an event; equal ids for one actor are one event. */
  put(
    actorId: string,
    source: { posted: PostedEvent } | { incoming: Incoming },
    timeoutMs?: number,
  ): Promise<Delivery> {
    const eventId = 'posted' in source ? source.posted.id : source.incoming.id;
    const twin = this.#waiting.get(`${actorId}/${eventId}`);
    if (twin !== undefined) return twin.answered.then((delivery) => asDuplicate(twin, delivery));
    const { promise: answered, resolve, reject } = Promise.withResolvers<Delivery>();
    const deadline = timeoutMs === undefined ? null : Date.now() + timeoutMs;
    const pending: Pending = {
      actorId,
      eventId,
      source,
      answered,
      deadline,
      losses: 0,
      isUncertain: false,
      resolve: (delivery) => {
        this.#waiting.delete(`${actorId}/${eventId}`);
        resolve(delivery);
      },
      reject: (error) => {
        this.#waiting.delete(`${actorId}/${eventId}`);
        reject(error);
      },
    };
    this.#waiting.set(`${actorId}/${eventId}`, pending);
    this.#enqueue(actorId, [pending], 'back');
    return answered;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Resolves when nothing waits any more. What the database does not answer is not waited for beyond its deadline. */
  drain(): Promise<void> {
    this.#isClosing = true;
    if (this.#waiting.size === 0 && !this.#isPumping) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #enqueue(actorId: string, pendings: readonly Pending[], where: 'front' | 'back'): void {
    const queue = this.#queues.get(actorId);
    if (queue === undefined) this.#queues.set(actorId, [...pendings]);
    else if (where === 'back') queue.push(...pendings);
    else queue.unshift(...pendings);
    if (!this.#isPumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let jobs = this.#take(); jobs.length > 0; jobs = this.#take()) {
      for (const { actorId } of jobs) this.#resting.add(actorId);
      const leftovers = await this.#committer.commit(jobs);
      this.#unknowns = leftovers.some(isUnknown) ? this.#unknowns + 1 : 0;
      for (const { actorId } of jobs) this.#resting.delete(actorId);
      for (const leftover of merged(leftovers)) this.#putBack(leftover);
    }
    this.#isPumping = false;
    if (this.#waiting.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #take(): Job[] {
    const jobs: Job[] = [];
    let room = MOST_EVENTS;
    for (const [actorId, queue] of this.#queues) {
      if (room === 0) break;
      if (this.#resting.has(actorId)) continue;
      const pendings = queue.splice(0, Math.min(room, MOST_EVENTS_OF_ONE));
      room -= pendings.length;
      if (queue.length === 0) this.#queues.delete(actorId);
      jobs.push({ actorId, pendings });
    }
    return jobs;
  }

  #putBack({ actorId, pendings, why }: Leftover): void {
    if (why === 'again') return this.#enqueue(actorId, pendings, 'front');
    const open = pendings.filter((pending) => {
      pending.isUncertain = true;
      if (why === 'lost') pending.losses += 1;
      // Rows of internal events wait in their tables for the next process.
      if (why === 'unknown' && this.#isClosing && isInternal(pending)) return this.#dismiss(pending);
      if (pending.deadline === null || Date.now() < pending.deadline) return true;
      pending.reject(new OutcomeUnknown(actorId));
      return false;
    });
    if (open.length === 0) return this.#wake(actorId, []);
    this.#resting.add(actorId);
    const isHopeless = why === 'lost' && open.some(({ losses }) => losses === LOSSES_BEFORE_ALONE);
    if (isHopeless) void this.#alone({ actorId, pendings: open });
    else setTimeout(() => this.#wake(actorId, open), this.#delayMs(why));
  }

  #dismiss(pending: Pending): false {
    pending.resolve({ outcome: 'dropped' });
    return false;
  }

  /** Two to fifty milliseconds apart, processes that collided do not collide again; an absent database is asked ever more rarely. */
  #delayMs(why: 'lost' | 'unknown'): number {
    if (why === 'lost') return 2 + Math.random() * 48;
    return Math.min(1_000, 25 * 2 ** Math.min(this.#unknowns, 6)) * (0.5 + Math.random() / 2);
  }

  async #alone(job: Job): Promise<void> {
    const leftovers = await this.#committer.commitAlone(job);
    if (leftovers.some(isUnknown)) this.#unknowns += 1;
    this.#resting.delete(job.actorId);
    if (leftovers.length === 0) this.#wake(job.actorId, []);
    for (const leftover of merged(leftovers)) this.#putBack(leftover);
  }

  #wake(actorId: string, pendings: readonly Pending[]): void {
    this.#resting.delete(actorId);
    if (pendings.length > 0 || this.#queues.has(actorId)) return this.#enqueue(actorId, pendings, 'front');
    if (this.#waiting.size === 0 && !this.#isPumping) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** One leftover per actor, its events in the order they came. */
function merged(leftovers: readonly Leftover[]): Leftover[] {
  const byActor = new Map<string, Leftover>();
  for (const leftover of leftovers) {
    const known = byActor.get(leftover.actorId);
    const why =
      known?.why === 'unknown' || leftover.why === 'unknown'
        ? 'unknown'
        : known?.why === 'lost'
          ? 'lost'
          : leftover.why;
    byActor.set(leftover.actorId, {
      ...leftover,
      why,
      pendings: [...(known?.pendings ?? []), ...leftover.pendings],
    });
  }
  return [...byActor.values()];
}

function isUnknown({ why }: Leftover): boolean {
  return why === 'unknown';
}

/** Who posts an id that is being applied gets the first answer, as the duplicate that it is. */
function asDuplicate(first: Pending, delivery: Delivery): Delivery {
  if (isInternal(first) || !('posted' in first.source)) return delivery;
  if (delivery.outcome === 'refused' || delivery.outcome === 'dropped' || delivery.outcome === 'duplicate')
    return delivery;
  const { type, payload } = first.source.posted;
  return {
    ...delivery,
    outcome: 'duplicate',
    first: { outcome: delivery.outcome, event: { ...payload, type } },
  };
}
