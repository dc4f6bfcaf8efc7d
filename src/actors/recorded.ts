import type { Incoming } from './incoming.ts';
import type { JsonObject } from './json.ts';
import type { Recorded } from './outcome.ts';
import type { Answer, PlannedEntry } from './plan.ts';
import type { Sql } from './sql.ts';

interface RecordedRow {
  readonly actor_id: string;
  readonly event_id: string;
  readonly seq: string;
  readonly outcome: 'accepted' | 'rejected' | 'ignored';
  readonly answer: Answer;
  readonly event: JsonObject;
}

/** The answer to the event of an entry that has just been committed. */
export function answerTo(entry: PlannedEntry): Recorded {
  return { outcome: entry.outcome, actorId: entry.actorId, version: entry.seq, ...entry.answer };
}

/** What the journal and the actor's row say now; asked before anything is refused or tried again. */
export interface Standing {
  /** By `<actor id>/<event id>`. */
  readonly recorded: ReadonlyMap<string, Recorded>;
  readonly versions: ReadonlyMap<string, number>;
}

/** Looks up events that may have been applied before, here or elsewhere, and the versions of their actors. */
export async function readStanding(
  sql: Sql,
  events: readonly { actorId: string; eventId: string }[],
): Promise<Standing> {
  const actorIds = events.map(({ actorId }) => actorId);
  const { rows } = await sql.query<RecordedRow>(
    `SELECT j.actor_id, j.event_id, j.seq, j.outcome, j.answer, j.event
     FROM unnest($1::uuid[], $2::uuid[]) AS e(actor_id, event_id)
     JOIN journal j ON j.actor_id = e.actor_id AND j.event_id = e.event_id`,
    [actorIds, events.map(({ eventId }) => eventId)],
    'actors_recorded',
  );
  const versions = await sql.query<{ id: string; version: string }>(
    `SELECT id, version FROM actor WHERE id = ANY($1::uuid[])`,
    [actorIds],
    'actors_versions',
  );
  return {
    recorded: new Map(rows.map((row) => [`${row.actor_id}/${row.event_id}`, duplicateOf(row)])),
    versions: new Map(versions.rows.map(({ id, version }) => [id, Number(version)])),
  };
}

function duplicateOf(row: RecordedRow): Recorded {
  return {
    outcome: 'duplicate',
    actorId: row.actor_id,
    version: Number(row.seq),
    ...row.answer,
    first: { outcome: row.outcome, event: row.event },
  };
}

/** Which of the internal events can still be applied: their row is there, ours, and nothing older stands before it. */
export async function readyInputs(
  sql: Sql,
  incomings: readonly { actorId: string; incoming: Incoming }[],
): Promise<Set<string>> {
  const origins = incomings.flatMap(({ actorId, incoming }) =>
    incoming.origin === null ? [] : [{ actorId, id: incoming.id, ...incoming.origin }],
  );
  if (origins.length === 0) return new Set();
  const rows = origins.map((origin) => ({
    actor_id: origin.actorId,
    event_id: origin.id,
    kind: origin.kind,
    row_id:
      origin.kind === 'effect'
        ? origin.effectId
        : origin.kind === 'message'
          ? origin.messageId
          : origin.kind === 'quarantine'
            ? origin.quarantineId
            : null,
    timer_id: origin.kind === 'timer' ? origin.timerId : null,
    number: origin.kind === 'effect' ? origin.attempt : origin.kind === 'timer' ? origin.armedSeq : null,
  }));
  const { rows: ready } = await sql.query<{ event_id: string }>(
    `SELECT i.event_id FROM jsonb_to_recordset($1::jsonb)
       AS i(actor_id uuid, event_id uuid, kind text, row_id uuid, timer_id text, number bigint)
     WHERE CASE i.kind
       WHEN 'effect' THEN EXISTS (SELECT FROM effect f WHERE f.id = i.row_id AND f.attempt = i.number AND f.state = 'running')
       WHEN 'timer' THEN EXISTS (SELECT FROM timer t WHERE t.actor_id = i.actor_id AND t.timer_id = i.timer_id
         AND t.armed_seq = i.number AND t.due_at <= db_now())
       WHEN 'message' THEN EXISTS (SELECT FROM message m WHERE m.id = i.row_id)
       ELSE EXISTS (SELECT FROM actor_quarantine q WHERE q.id = i.row_id) END`,
    [JSON.stringify(rows)],
  );
  return new Set(ready.map(({ event_id }) => event_id));
}
