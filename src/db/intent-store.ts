import type { RowWriter } from '../actors/row-writer.ts';
import type { Sql, SqlPool } from '../actors/sql.ts';
import type {
  Entered,
  IntentStore,
  LandingClaim,
  LandingEntry,
  Lane,
  StoredIntent,
  StoredLanding,
} from '../git/intent-store.ts';
import { type CommitAuthor, LaneBusy, type LandingUnit } from '../git/landing-types.ts';
import { enterLanes, superseded } from './landing-lanes.ts';

export interface PgIntentStoreOptions {
  /** Names this process, so that landings that one process began and another ended can be told. */
  process: string;
  leaseMs?: number;
}

interface LandingRow {
  effect_id: string;
  fence: string;
  unit: LandingUnit;
  author: CommitAuthor;
}

interface IntentRow {
  project_id: string;
  ref: string;
  mode: StoredIntent['mode'];
  source: string | null;
  result: StoredIntent['result'];
  before_oid: string;
  after_oid: string;
  state: StoredIntent['state'];
  outcome: StoredIntent['outcome'];
}

/** Intents in PostgreSQL. Every write names its fence, and one under an old fence changes nothing and throws. */
export class PgIntentStore implements IntentStore {
  readonly leaseMs: number;
  readonly #sql: SqlPool;
  readonly #process: string;

  constructor(sql: SqlPool, options: PgIntentStoreOptions) {
    this.#sql = sql;
    this.#process = options.process;
    this.leaseMs = options.leaseMs ?? 10_000;
  }

  enter(entry: LandingEntry): Promise<Entered> {
    return this.#sql.transaction((sql) => enterLanes(sql, entry, this.leaseMs));
  }

  async renew(claim: LandingClaim): Promise<boolean> {
    const { rowCount } = await this.#sql.query(
      `UPDATE landing SET lease_until = db_now() + $3 * interval '1 ms' WHERE effect_id = $1 AND fence = $2`,
      [claim.effectId, claim.fence, this.leaseMs],
      'landing_renew',
    );
    return rowCount === 1;
  }

  assertHeld(claim: LandingClaim): Promise<void> {
    return assertFence(this.#sql, claim, '');
  }

  async load(effectId: string): Promise<StoredLanding | null> {
    const { rows } = await this.#sql.query<LandingRow>(
      'SELECT effect_id, fence, unit, author FROM landing WHERE effect_id = $1',
      [effectId],
    );
    return rows[0] === undefined ? null : this.#withIntents(this.#sql, rows[0]);
  }

  takeOver(claim: LandingClaim, lanes: readonly Lane[]): Promise<StoredLanding[]> {
    return this.#sql.transaction(async (sql) => {
      const { rows } = await sql.query<LandingRow>(
        `UPDATE landing SET fence = fence + 1, lease_until = db_now() + $4 * interval '1 ms'
          WHERE lease_until < db_now() AND effect_id IN (
            SELECT i.effect_id FROM landing_intent i JOIN unnest($1::text[], $2::text[]) AS lane(project_id, ref) USING (project_id, ref)
             WHERE i.state = 'open' AND i.effect_id <> $3)
        RETURNING effect_id, fence, unit, author`,
        [lanes.map((lane) => lane.projectId), lanes.map((lane) => lane.ref), claim.effectId, this.leaseMs],
      );
      const landings: StoredLanding[] = [];
      for (const row of rows) landings.push(await this.#withIntents(sql, row));
      return landings;
    });
  }

  prepare(claim: LandingClaim, intents: readonly StoredIntent[]): Promise<void> {
    return this.#fenced(claim, async (sql) => {
      await sql.query('DELETE FROM landing_intent WHERE effect_id = $1', [claim.effectId]);
      await sql.query(
        `INSERT INTO landing_intent (effect_id, project_id, ref, mode, source, result, before_oid, after_oid, state)
         SELECT $1, x.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) AS x`,
        [
          claim.effectId,
          intents.map((intent) => intent.projectId),
          intents.map((intent) => intent.ref),
          intents.map((intent) => intent.mode),
          intents.map((intent) => intent.source),
          intents.map((intent) => intent.result),
          intents.map((intent) => intent.before),
          intents.map((intent) => intent.after),
          intents.map((intent) => intent.state),
        ],
      );
    });
  }

  async open(claim: LandingClaim): Promise<void> {
    try {
      await this.#fenced(claim, async (sql) => {
        await sql.query('UPDATE landing SET opened_by = $2, settled_by = NULL WHERE effect_id = $1', [
          claim.effectId,
          this.#process,
        ]);
        await sql.query(
          `UPDATE landing_intent SET state = 'open', outcome = NULL WHERE effect_id = $1 AND state = 'prepared'`,
          [claim.effectId],
        );
      });
    } catch (error) {
      if ((error as { constraint?: string }).constraint !== 'landing_intent_owner') throw error;
      // A landing that was given up on came back for its intents after we had entered the lane.
      throw new LaneBusy({ behind: 'another landing', projectId: '', ref: 'its target' });
    }
  }

  replace(claim: LandingClaim, projectId: string, before: string, after: string): Promise<void> {
    return this.#fenced(claim, async (sql) => {
      await sql.query(
        `UPDATE landing_intent SET before_oid = $3, after_oid = $4, result = 'merged' WHERE effect_id = $1 AND project_id = $2 AND state = 'open'`,
        [claim.effectId, projectId, before, after],
      );
    });
  }

  abort(claim: LandingClaim): Promise<void> {
    return this.#fenced(claim, async (sql) => {
      await sql.query(`UPDATE landing_intent SET state = 'aborted' WHERE effect_id = $1 AND state = 'open'`, [
        claim.effectId,
      ]);
    });
  }

  settle(claim: LandingClaim, outcome: 'done' | 'undone'): Promise<void> {
    return this.#fenced(claim, async (sql) => {
      await sql.query(`UPDATE landing_intent SET outcome = $2 WHERE effect_id = $1 AND state = 'open'`, [
        claim.effectId,
        outcome,
      ]);
      await sql.query('UPDATE landing SET settled_by = $2 WHERE effect_id = $1', [
        claim.effectId,
        this.#process,
      ]);
    });
  }

  close(claim: LandingClaim): Promise<void> {
    return this.#fenced(claim, async (sql) => {
      await sql.query(
        `UPDATE landing_intent SET state = 'closed' WHERE effect_id = $1 AND state = 'open' AND outcome IS NOT NULL`,
        [claim.effectId],
      );
    });
  }

  async leave(claim: LandingClaim): Promise<void> {
    await this.#fenced(claim, async (sql) => {
      await sql.query('DELETE FROM landing_lane WHERE effect_id = $1', [claim.effectId]);
    });
  }

  async ownedRefs(projectId: string): Promise<string[]> {
    const { rows } = await this.#sql.query<{ ref: string }>(
      `SELECT ref FROM landing_intent WHERE project_id = $1 AND state = 'open'`,
      [projectId],
      'landing_owned',
    );
    return rows.map((row) => row.ref);
  }

  exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#sql.transaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`signalbox:${name}`]);
      return work();
    });
  }

  #fenced(claim: LandingClaim, work: (sql: Sql) => Promise<void>): Promise<void> {
    return this.#sql.transaction(async (sql) => {
      await assertFence(sql, claim, 'FOR UPDATE');
      await work(sql);
    });
  }

  async #withIntents(sql: Sql, row: LandingRow): Promise<StoredLanding> {
    const { rows } = await sql.query<IntentRow>(
      `SELECT project_id, ref, mode, source, result, before_oid, after_oid, state, outcome FROM landing_intent WHERE effect_id = $1 ORDER BY project_id`,
      [row.effect_id],
    );
    const intents = rows.map((intent): StoredIntent => ({
      projectId: intent.project_id,
      ref: intent.ref,
      mode: intent.mode,
      source: intent.source,
      result: intent.result,
      before: intent.before_oid,
      after: intent.after_oid,
      state: intent.state,
      outcome: intent.outcome,
    }));
    return { effectId: row.effect_id, fence: Number(row.fence), unit: row.unit, author: row.author, intents };
  }
}

async function assertFence(sql: Sql, claim: LandingClaim, lock: '' | 'FOR UPDATE'): Promise<void> {
  const { rowCount } = await sql.query(`SELECT 1 FROM landing WHERE effect_id = $1 AND fence = $2 ${lock}`, [
    claim.effectId,
    claim.fence,
  ]);
  if (rowCount !== 1) throw superseded();
}

/**
 * Closes the settled intents of the effect whose result is being committed, in that same statement: a ref is owned until the actor
 * knows. Params: none needed; the runtime gives `effect_id`.
 */
export const closeIntents: RowWriter = {
  name: 'intents.close',
  columns: {},
  statement: (rows) =>
    `UPDATE landing_intent i SET state = 'closed' FROM ${rows} x WHERE i.effect_id = x.effect_id AND i.state = 'open' AND i.outcome IS NOT NULL`,
};

/** Whether an effect has intents that own refs: such an effect is rolled forward, never canceled. */
export async function hasOpenIntents(sql: Sql, effectId: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `SELECT 1 FROM landing_intent WHERE effect_id = $1 AND state = 'open' LIMIT 1`,
    [effectId],
    'landing_open',
  );
  return rowCount > 0;
}
