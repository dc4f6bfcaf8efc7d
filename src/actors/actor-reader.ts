import { validate } from 'uuid';

import type { ActorRow } from './actor-row.ts';
import { actorRows, readActor } from './actor-row.ts';
import { answerOf, reasonOf } from './answer.ts';
import type { JournalRow } from './journal-row.ts';
import { entryOf, journalColumns } from './journal-row.ts';
import type { JournalEntry } from './journal-types.ts';
import type { JsonObject } from './json.ts';
import type { Registry } from './registry.ts';
import type { Sql } from './sql.ts';
import type { ActorView } from './view.ts';

/** Looks at actors as the database has them; changes nothing. */
export class ActorReader {
  readonly #sql: Sql;
  readonly #registry: Registry;

  constructor(sql: Sql, registry: Registry) {
    this.#sql = sql;
    this.#registry = registry;
  }

  async peekMany(actorIds: readonly string[]): Promise<ActorView[]> {
    const { rows } = await this.#sql.query<ActorRow>(`${actorRows} WHERE a.id = ANY($1::uuid[])`, [
      actorIds.filter((id) => validate(id)),
    ]);
    return rows.map((row) => this.#view(row));
  }

  async listByRoot(rootId: string): Promise<ActorView[]> {
    const { rows } = await this.#sql.query<ActorRow>(`${actorRows} WHERE a.root_id = $1 ORDER BY a.id`, [
      rootId,
    ]);
    return rows.map((row) => this.#view(row));
  }

  async journal(actorId: string, after: number, limit: number): Promise<JournalEntry[]> {
    const { rows } = await this.#sql.query<JournalRow>(
      `SELECT ${journalColumns} FROM journal WHERE actor_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
      [actorId, after, limit],
    );
    return rows.map(entryOf);
  }

  #view(row: ActorRow): ActorView {
    const common = {
      id: row.id,
      machine: row.machine,
      rootId: row.root_id,
      parentId: row.parent_id,
      version: Number(row.version),
      status: row.status,
      since: row.entered_at,
      updatedAt: row.updated_at,
    };
    try {
      const { state } = readActor(this.#registry, row);
      const { state: value, tags, next } = answerOf(this.#registry.get(row.machine), state.snapshot);
      const isAside = row.quarantine !== null;
      const context = state.snapshot.context as JsonObject;
      return {
        ...common,
        state: value,
        tags,
        context,
        next: isAside ? [] : next,
        quarantined: isAside ? { reason: row.quarantine } : null,
      };
    } catch (thrown) {
      // Shown as it stands in its row: never guessed at.
      const { value, context } = row.snapshot as { value?: ActorView['state']; context?: JsonObject };
      const quarantined = { reason: row.quarantine ?? reasonOf(thrown) };
      return {
        ...common,
        state: value ?? 'unreadable',
        tags: [],
        context: context ?? {},
        next: [],
        quarantined,
      };
    }
  }
}
