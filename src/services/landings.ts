import type { Sql } from '../actors/sql.ts';
import type { LandingView } from './shapes/landing.ts';

interface LandingRow {
  readonly effect_id: string;
  readonly unit: { kind: 'task' | 'phase' | 'initiative'; key: string; id: string };
  readonly opened_by: string | null;
  readonly settled_by: string | null;
  readonly intents: readonly {
    project: string;
    ref: string;
    result: string;
    before: string;
    after: string;
    state: string;
    outcome: string | null;
  }[];
}

/** The landings of an initiative: what each moved, which process wrote its intents and which one finished it. */
export async function landingsOf(sql: Sql, initiativeId: string): Promise<LandingView[]> {
  const { rows } = await sql.query<LandingRow>(
    `SELECT l.effect_id, l.unit, l.opened_by, l.settled_by,
            coalesce(jsonb_agg(jsonb_build_object('project', coalesce(p.key, i.project_id), 'ref', i.ref, 'result', i.result,
              'before', i.before_oid, 'after', i.after_oid, 'state', i.state, 'outcome', i.outcome)
              ORDER BY i.project_id) FILTER (WHERE i.effect_id IS NOT NULL), '[]') AS intents
       FROM landing l
       JOIN actor a ON a.id = (l.unit ->> 'id')::uuid
       LEFT JOIN landing_intent i ON i.effect_id = l.effect_id
       LEFT JOIN project p ON p.id::text = i.project_id
      WHERE a.root_id = $1
      GROUP BY l.effect_id, l.unit, l.opened_by, l.settled_by
      ORDER BY l.unit ->> 'key', l.effect_id`,
    [initiativeId],
  );
  return rows.map((row) => ({
    id: row.effect_id,
    unit: row.unit,
    openedBy: row.opened_by,
    settledBy: row.settled_by,
    intents: [...row.intents],
  }));
}
