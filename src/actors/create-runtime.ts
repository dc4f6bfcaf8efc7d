import { ActorReader } from './actor-reader.ts';
import { ActorStore } from './actor-store.ts';
import { bear } from './birth.ts';
import { defaultClock } from './clock.ts';
import { CommitFailureMemory } from './commit-failure.ts';
import { Committer } from './committer.ts';
import { createStatement } from './create.sql.ts';
import { refuseUnseen } from './door.ts';
import { takeBackEffects } from './effect.sql.ts';
import { EffectWorker } from './effect-worker.ts';
import { Feed } from './feed.ts';
import type { Incoming } from './incoming.ts';
import { Loop } from './loop.ts';
import { Mailbox } from './mailbox.ts';
import { Messages } from './messages.ts';
import { net } from './netting.ts';
import { Notifier } from './notifier.ts';
import { beat } from './outage.ts';
import type { Outcome, PostedEvent } from './outcome.ts';
import type { Plan } from './plan.ts';
import type { Counts } from './rehydration.ts';
import { countActors, warm } from './rehydration.ts';
import { Registry } from './registry.ts';
import { replay } from './replay.ts';
import type { NewActor, Readiness, Runtime, RuntimeClock, RuntimeOptions } from './runtime.ts';
import { askForRoom } from './room.ts';
import type { Sql } from './sql.ts';
import { faultOfRows } from './sql-error.ts';
import { Timers } from './timers.ts';

/** A message younger than this is on its way already, in the process that wrote it. */
const MESSAGE_GRACE_MS = 1_000;
const COUNT_EVERY_MS = 10_000;

/** Puts the parts together. Nothing runs before `start`; throws when a machine names what nobody registered. */
export function createRuntime(options: RuntimeOptions): Runtime {
  return new DurableRuntime(options);
}

class DurableRuntime implements Runtime {
  readonly feed: Feed;
  readonly #options: RuntimeOptions;
  readonly #clock: RuntimeClock;
  readonly #registry: Registry;
  readonly #store: ActorStore;
  readonly #reader: ActorReader;
  readonly #failure = new CommitFailureMemory();
  readonly #mailbox: Mailbox;
  readonly #messages: Messages;
  readonly #timers: Timers;
  readonly #worker: EffectWorker;
  readonly #notifier: Notifier;
  readonly #loops: Record<'beat' | 'renew' | 'effects' | 'messages' | 'timers' | 'count', Loop>;
  #counts: Counts | null = null;
  #isAway = false;
  #lastOutageEndedAt: Date | null = null;
  #isStopping = false;
  #firstMessages = true;

  constructor(options: RuntimeOptions) {
    const { sql, log, definitions, effects, rowWriters, instanceId } = options;
    this.#options = options;
    this.#clock = { ...defaultClock, ...options.clock };
    this.#registry = new Registry({ definitions, effectKinds: Object.keys(effects), rowWriters });
    this.#registry.check();
    this.#store = new ActorStore(this.#registry, log);
    this.#reader = new ActorReader(sql, this.#registry);
    this.feed = new Feed(sql, log);
    const deliver = (actorId: string, incoming: Incoming) => this.#mailbox.put(actorId, { incoming });
    this.#messages = new Messages({ sql, log, deliver });
    this.#timers = new Timers({ sql, log, deliver });
    const onFree = () => this.#loops.effects.wake();
    this.#worker = new EffectWorker({
      sql,
      log,
      deliver,
      onFree,
      instanceId,
      registrations: effects,
      clock: this.#clock,
    });
    this.#notifier = new Notifier({
      sql,
      log,
      instanceId,
      gatherMs: this.#clock.notifyMs,
      onNews: (xid) => this.#heard(xid),
    });
    this.#mailbox = new Mailbox(
      new Committer({
        sql,
        log,
        registry: this.#registry,
        store: this.#store,
        failure: this.#failure,
        onCommitted: (plans, xid) => this.#committed(plans, xid),
        onDeadLetter: (messageId) => this.#messages.bury(messageId),
      }),
    );
    const { pollMs, renewMs, heartbeatMs } = this.#clock;
    this.#loops = {
      beat: new Loop('heartbeat', heartbeatMs, log, () => this.#beat()),
      renew: new Loop('leases', renewMs, log, async () => (await this.#worker.renew(), null)),
      effects: new Loop('effects', pollMs, log, async () => ((await this.#worker.claim()) > 0 ? 0 : null)),
      messages: new Loop('messages', pollMs, log, () => this.#pollMessages()),
      timers: new Loop('timers', pollMs, log, () => this.#timers.poll()),
      count: new Loop('counts', COUNT_EVERY_MS, log, () => this.#count()),
    };
  }

  async start(): Promise<void> {
    const { sql, log, instanceId, claim } = this.#options;
    const outageEndedAt = await beat({ sql, clock: this.#clock, onOutage: this.#options.onOutage });
    this.#lastOutageEndedAt = outageEndedAt;
    if (claim !== undefined && claim.instanceId === instanceId && (await claim.isHeld(sql))) {
      // What a long outage interrupted costs no attempt.
      const { rowCount } = await sql.query(takeBackEffects, [instanceId, outageEndedAt === null ? 1 : 0]);
      if (rowCount > 0)
        log.info({ effects: rowCount }, 'effects of the last run of this instance were taken back');
    }
    await this.#notifier.start();
    await this.#count();
    const { live = 0, toUpgrade = 0, quarantined = 0 } = this.#counts ?? {};
    log.info(
      { live, toUpgrade, quarantined },
      `rehydrated: ${live} live, ${toUpgrade} to upgrade on load, ${quarantined} quarantined`,
    );
    for (const loop of Object.values(this.#loops)) loop.start();
    warm(sql, this.#store, () => this.#isStopping).catch((err: unknown) =>
      log.warn({ err }, 'recent actors were not warmed'),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const { effects, messages, timers, count, renew, beat: heart } = this.#loops;
    await Promise.all([effects.stop(), messages.stop(), timers.stop(), count.stop()]);
    await this.#worker.stop();
    await this.#mailbox.drain();
    await Promise.all([renew.stop(), heart.stop()]);
    await this.#notifier.stop();
    this.feed.stop();
  }

  async post(actorId: string, event: PostedEvent): Promise<Outcome> {
    const refused = refuseUnseen(actorId, event);
    if (refused !== null) return refused;
    const delivery = await this.#mailbox.put(actorId, { posted: event }, this.#clock.postTimeoutMs);
    // Only rows of internal events can be lost to others.
    if (delivery.outcome === 'dropped') throw new Error(`the event ${event.id} was dropped`);
    return delivery;
  }

  async create(sql: Sql, actors: readonly NewActor[]): Promise<void> {
    const newborns = actors.map((actor) => ({
      id: actor.id,
      plan: net(bear(this.#registry, actor).operations, this.#registry.rowWriters),
    }));
    if (newborns.length === 0) return;
    const { text, values } = createStatement(newborns, this.#registry.rowWriters);
    await sql.query(text, values);
  }

  wake(): void {
    this.#firstMessages = true;
    const { effects, messages, timers } = this.#loops;
    for (const loop of [effects, messages, timers]) loop.wake();
    this.#options.sql
      .query<{ xid: string }>(`SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid`)
      .then(
        ({ rows }) => this.#announce(String(BigInt(rows[0]?.xid ?? '1') - 1n)),
        (err: unknown) => this.#options.log.warn({ err }, 'the feed was not woken'),
      );
  }

  async peek(actorId: string) {
    return (await this.#reader.peekMany([actorId]))[0] ?? null;
  }

  peekMany(actorIds: readonly string[]) {
    return this.#reader.peekMany(actorIds);
  }

  listByRoot(rootId: string) {
    return this.#reader.listByRoot(rootId);
  }

  journal(actorId: string, { after = 0, limit = 100 }: { after?: number; limit?: number } = {}) {
    return this.#reader.journal(actorId, after, limit);
  }

  async replay(actorId: string): Promise<Outcome | 'lifted' | null> {
    const outcome = await replay(this.#options.sql, actorId, (id, incoming) =>
      this.#mailbox.put(id, { incoming }),
    );
    this.#store.forget(actorId);
    this.wake();
    return outcome;
  }

  readiness(): Readiness {
    const counts = this.#counts ?? { live: 0, toUpgrade: 0, quarantined: 0 };
    return {
      ready: this.#counts !== null && !this.#isAway && this.#failure.current === null,
      ...counts,
      outage: this.#isAway,
      commitFailure: this.#failure.current,
      lastOutageEndedAt: this.#lastOutageEndedAt,
    };
  }

  async #beat(): Promise<null> {
    const { sql, log, onOutage } = this.#options;
    try {
      const endedAt = await beat({ sql, clock: this.#clock, onOutage });
      this.#isAway = false;
      await this.#tryToWriteAgain();
      if (endedAt === null) return null;
      this.#lastOutageEndedAt = endedAt;
      log.warn({ endedAt }, 'the service was away; every lease got one full term');
      return null;
    } catch (err) {
      this.#isAway = true;
      throw err;
    }
  }

  /** What waits is tried again by the mailbox. When nothing waits any more, somebody has to find out that there is room. */
  async #tryToWriteAgain(): Promise<void> {
    if (this.#failure.current === null || !this.#mailbox.isEmpty) return;
    try {
      await askForRoom(this.#options.sql);
      this.#failure.clear();
    } catch (err) {
      // Not every user may make temporary tables: then the next event tells.
      if (faultOfRows(err) !== null) this.#failure.clear();
    }
  }

  async #count(): Promise<null> {
    this.#counts = await countActors(this.#options.sql, this.#options.definitions);
    return null;
  }

  async #pollMessages(): Promise<null> {
    // What the last life of this process left behind has nobody who is delivering it.
    const graceMs = this.#firstMessages ? 0 : MESSAGE_GRACE_MS;
    this.#firstMessages = false;
    await this.#messages.poll(graceMs);
    return null;
  }

  #committed(plans: readonly Plan[], xid: string): void {
    for (const { messages } of plans) for (const message of messages) this.#messages.deliver(message);
    this.#worker.cancel(plans.flatMap(({ canceledEffects }) => canceledEffects));
    if (plans.some(({ effects }) => effects.length > 0)) this.#loops.effects.wake();
    if (plans.some(({ timers }) => timers.length > 0)) this.#loops.timers.wake();
    this.#announce(xid);
  }

  #announce(xid: string): void {
    this.feed.wake(xid);
    this.#notifier.tell(xid);
  }

  /** Another process has committed something. */
  #heard(xid: string): void {
    this.feed.wake(xid);
    for (const loop of [this.#loops.effects, this.#loops.timers]) loop.wake();
  }
}
