import { ActorStore } from '../../../src/actors/actor-store.ts';
import { CommitFailureMemory } from '../../../src/actors/commit-failure.ts';
import { Committer } from '../../../src/actors/committer.ts';
import type { Incoming } from '../../../src/actors/incoming.ts';
import type { PostedEvent } from '../../../src/actors/outcome.ts';
import type { Delivery, Pending } from '../../../src/actors/pending.ts';
import { Registry } from '../../../src/actors/registry.ts';
import type { SqlPool } from '../../../src/actors/sql.ts';
import { nodeDefinition, noteWriters } from './machines.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

export function nodeRegistry(): Registry {
  return new Registry({ definitions: [nodeDefinition], effectKinds: ['node.work'], rowWriters: noteWriters });
}

/** A committer on the table: no mailbox chooses what goes into a batch, the test does. */
export function committerOver(sql: SqlPool): Committer {
  const registry = nodeRegistry();
  return new Committer({
    sql,
    registry,
    store: new ActorStore(registry, quiet),
    log: quiet,
    failure: new CommitFailureMemory(),
    onCommitted: () => undefined,
    onDeadLetter: () => Promise.resolve(),
  });
}

/** An event as the mailbox would hold it. */
export function pend(
  actorId: string,
  source: { posted: PostedEvent } | { incoming: Incoming },
): Pending & { delivery: Promise<Delivery> } {
  const { promise, resolve, reject } = Promise.withResolvers<Delivery>();
  const eventId = 'posted' in source ? source.posted.id : source.incoming.id;
  return {
    actorId,
    eventId,
    source,
    answered: promise,
    delivery: promise,
    resolve,
    reject,
    deadline: null,
    losses: 0,
    isUncertain: false,
  };
}
