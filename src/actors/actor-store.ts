import { v5 } from 'uuid';

import type { ActorRow } from './actor-row.ts';
import { actorRows, readActor, WrittenByNewer } from './actor-row.ts';
import { reasonOf } from './answer.ts';
import type { Registry } from './registry.ts';
import type { RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';
import type { LoadedActor } from './turn.ts';

/** What became of a load. */
export type Loaded =
  | { readonly found: 'actor'; readonly actor: LoadedActor; readonly isFresh: boolean }
  | { readonly found: 'missing' }
  | { readonly found: 'aside'; readonly row: ActorRow; readonly reason: string };

/** Actors by id: from memory while their version lasts, else from their rows. */
export class ActorStore {
  readonly #registry: Registry;
  readonly #log: RuntimeLog;
  readonly #cache = new Map<string, LoadedActor>();
  readonly #capacity: number;

  constructor(registry: Registry, log: RuntimeLog, capacity = 20_000) {
    this.#registry = registry;
    this.#log = log;
    this.#capacity = capacity;
  }

  /** Loads what is not in memory. `lock` waits for the rows and holds them until the transaction ends. */
  async load(sql: Sql, ids: readonly string[], lock = false): Promise<Map<string, Loaded>> {
    const loaded = new Map<string, Loaded>();
    const missing = ids.filter((id) => {
      const actor = lock ? undefined : this.#cache.get(id);
      if (actor === undefined) return true;
      loaded.set(id, { found: 'actor', actor, isFresh: false });
      return false;
    });
    if (missing.length === 0) return loaded;
    const text = `${actorRows} WHERE a.id = ANY($1::uuid[])${lock ? ' FOR NO KEY UPDATE OF a' : ''}`;
    const { rows } = await sql.query<ActorRow>(text, [missing], lock ? undefined : 'actors_load');
    for (const id of missing) loaded.set(id, { found: 'missing' });
    for (const row of rows) loaded.set(row.id, await this.#read(sql, row));
    return loaded;
  }

  keep(actor: LoadedActor): void {
    // Re-inserted at the end, so that the first key is the one not used for longest.
    this.#cache.delete(actor.id);
    this.#cache.set(actor.id, actor);
    const oldest = this.#cache.size > this.#capacity ? this.#cache.keys().next().value : undefined;
    if (oldest !== undefined) this.#cache.delete(oldest);
  }

  forget(id: string): void {
    this.#cache.delete(id);
  }

  async #read(sql: Sql, row: ActorRow): Promise<Loaded> {
    if (row.quarantine !== null) return { found: 'aside', row, reason: row.quarantine };
    try {
      const actor = readActor(this.#registry, row);
      this.keep(actor);
      return { found: 'actor', actor, isFresh: true };
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (!(thrown instanceof WrittenByNewer)) {
        await quarantine(sql, row.id, reason);
        this.#log.error(
          { actorId: row.id, machine: row.machine, reason },
          'actor quarantined: its snapshot can not be read',
        );
      }
      return { found: 'aside', row, reason };
    }
  }
}

/** Sets an actor aside without consuming anything: what waits for it comes again after a replay. */
export async function quarantine(sql: Sql, actorId: string, reason: string): Promise<void> {
  await sql.query(
    `INSERT INTO actor_quarantine (id, actor_id, root_id, reason)
     SELECT $1::uuid, a.id, a.root_id, $3::text FROM actor a
     WHERE a.id = $2::uuid AND NOT EXISTS (SELECT FROM actor_quarantine WHERE actor_id = $2::uuid)
     ON CONFLICT (id) DO NOTHING`,
    [v5('quarantine/unread', actorId), actorId, reason],
  );
}
