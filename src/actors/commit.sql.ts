import type { Origin } from './incoming.ts';
import type { Plan, PlannedActor } from './plan.ts';
import { Parameters } from './recordset.ts';
import type { RowWriter } from './row-writer.ts';
import { planSections } from './plan.sql.ts';

/** One actor's turn as the statement takes it. */
export interface TurnRows {
  readonly base: number;
  readonly row: PlannedActor;
  readonly hasEntered: boolean;
  readonly plan: Plan;
  readonly inputs: readonly Origin[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * Builds the one statement that commits a batch of turns.
 *
 * 1. `turn`, `entry` and the inputs are what the batch wants; sections that nobody uses are left out.
 * 2. Inputs are locked: an effect at its attempt and running, a timer at its armed number and due, a message when no older
 *    one of the same sender waits, a quarantine that is replayed.
 * 3. `barred` are the actors that lack an input, that are in quarantine, or whose journal knows an event id already.
 * 4. `locked` are the others at the version the turn builds on, in id order. What somebody else holds is skipped, never
 *    waited for. Under READ COMMITTED the version is checked again on the newest row when the lock is taken.
 * 5. `gone` are the actors that went through. Every writing section joins it.
 */
export function commitStatement(
  turns: readonly TurnRows[],
  writers: ReadonlyMap<string, RowWriter>,
): Statement {
  const parameters = new Parameters();
  const sections = [
    `turn AS MATERIALIZED (${parameters.rows(
      {
        id: 'uuid',
        base: 'bigint',
        version: 'bigint',
        machine_version: 'integer',
        status: 'text',
        snapshot: 'jsonb',
        has_entered: 'boolean',
      },
      turns.map(({ base, row, hasEntered }) => ({
        id: row.id,
        base,
        version: row.version,
        machine_version: row.machineVersion,
        status: row.status,
        snapshot: row.snapshot,
        has_entered: hasEntered,
      })),
    )})`,
    ...planSections(
      turns.map(({ row, plan }) => ({ gate: row.id, plan })),
      writers,
      parameters,
    ),
  ];
  const inputs = inputSections(turns, parameters);
  const barred = [
    // Of the actor itself: a newborn that exists already is a fault of the rows, not a repetition.
    `SELECT e.gate FROM entry e JOIN journal j ON j.actor_id = e.actor_id AND j.event_id = e.event_id WHERE e.actor_id = e.gate`,
    `SELECT q.actor_id FROM actor_quarantine q JOIN turn t ON t.id = q.actor_id${
      inputs.replays ? ' WHERE q.id NOT IN (SELECT id FROM quarantine_input)' : ''
    }`,
    ...inputs.barred,
  ];
  // A section can only name those before it.
  const [turn, entry, ...writing] = sections as [string, string, ...string[]];
  const text = `WITH ${[
    turn,
    entry,
    ...inputs.sections,
    `barred AS MATERIALIZED (${barred.join('\n  UNION ')})`,
    `locked AS MATERIALIZED (
  SELECT a.id FROM actor a JOIN turn t ON t.id = a.id AND t.base = a.version
  WHERE a.id NOT IN (SELECT gate FROM barred)
  ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED)`,
    `gone AS (
  UPDATE actor a SET snapshot = t.snapshot, version = t.version, machine_version = t.machine_version,
    status = t.status, updated_at = db_now(), entered_at = CASE WHEN t.has_entered THEN db_now() ELSE a.entered_at END
  FROM turn t JOIN locked l ON l.id = t.id
  WHERE a.id = t.id AND a.version = t.base
  RETURNING a.id)`,
    ...inputs.consuming,
    ...writing,
  ].join(',\n')}
SELECT id, pg_current_xact_id()::text AS xid, ${DURABLE} FROM gone`;
  return { text, values: parameters.values };
}

/** An answered event is on disk: whatever the session says, this commit waits for the WAL. */
export const DURABLE = `CASE WHEN current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN ''
  ELSE set_config('synchronous_commit', 'on', true) END AS durable`;

interface InputSections {
  readonly sections: string[];
  readonly barred: string[];
  readonly consuming: string[];
  readonly replays: boolean;
}

/** Locks what the batch consumes, tells whose input is missing, and deletes what was consumed. */
function inputSections(turns: readonly TurnRows[], parameters: Parameters): InputSections {
  const inputs = turns.flatMap(({ row, inputs: origins }) =>
    origins.map((origin, nth) => ({ gate: row.id, nth, ...origin })),
  );
  const result: InputSections = {
    sections: [],
    barred: [],
    consuming: [],
    replays: inputs.some(({ kind }) => kind === 'quarantine'),
  };

  const effects = inputs.filter((input) => input.kind === 'effect');
  if (effects.length > 0) {
    const rows = effects.map(({ gate, effectId, attempt }) => ({ gate, id: effectId, attempt }));
    result.sections.push(
      `effect_input AS MATERIALIZED (${parameters.rows({ gate: 'uuid', id: 'uuid', attempt: 'integer' }, rows)})`,
      `locked_effect AS MATERIALIZED (
  SELECT f.id FROM effect f JOIN effect_input i ON i.id = f.id AND i.attempt = f.attempt AND i.gate = f.actor_id
  WHERE f.state = 'running' ORDER BY f.id FOR UPDATE OF f SKIP LOCKED)`,
    );
    result.barred.push(`SELECT gate FROM effect_input WHERE id NOT IN (SELECT id FROM locked_effect)`);
    result.consuming.push(
      `ended AS (DELETE FROM effect f USING effect_input i WHERE f.id = i.id AND i.gate IN (SELECT id FROM gone))`,
    );
  }

  const timers = inputs.filter((input) => input.kind === 'timer');
  if (timers.length > 0) {
    const rows = timers.map(({ gate, timerId, armedSeq }) => ({
      gate,
      timer_id: timerId,
      armed_seq: armedSeq,
    }));
    result.sections.push(
      `timer_input AS MATERIALIZED (${parameters.rows({ gate: 'uuid', timer_id: 'text', armed_seq: 'bigint' }, rows)})`,
      `locked_timer AS MATERIALIZED (
  SELECT t.actor_id, t.timer_id, t.armed_seq FROM timer t
  JOIN timer_input i ON i.gate = t.actor_id AND i.timer_id = t.timer_id AND i.armed_seq = t.armed_seq
  WHERE t.due_at <= db_now() ORDER BY 1, 2, 3 FOR UPDATE OF t SKIP LOCKED)`,
    );
    result.barred.push(
      `SELECT gate FROM timer_input i WHERE NOT EXISTS (SELECT FROM locked_timer l
    WHERE l.actor_id = i.gate AND l.timer_id = i.timer_id AND l.armed_seq = i.armed_seq)`,
    );
    result.consuming.push(
      `fired AS (DELETE FROM timer t USING timer_input i WHERE t.actor_id = i.gate AND t.timer_id = i.timer_id
  AND t.armed_seq = i.armed_seq AND i.gate IN (SELECT id FROM gone))`,
    );
  }

  const messages = inputs.filter((input) => input.kind === 'message');
  if (messages.length > 0) {
    const rows = messages.map(({ gate, nth, messageId }) => ({ gate, nth, id: messageId }));
    result.sections.push(
      `message_input AS MATERIALIZED (${parameters.rows({ gate: 'uuid', nth: 'integer', id: 'uuid' }, rows)})`,
      `locked_message AS MATERIALIZED (
  SELECT m.id FROM message m JOIN message_input i ON i.id = m.id AND i.gate = m.to_id
  WHERE NOT EXISTS (SELECT FROM message older WHERE older.to_id = m.to_id AND older.from_id = m.from_id
    AND (older.seq, older.place) < (m.seq, m.place)
    AND NOT EXISTS (SELECT FROM message_input before WHERE before.id = older.id AND before.nth < i.nth))
  ORDER BY m.id FOR UPDATE OF m SKIP LOCKED)`,
    );
    result.barred.push(`SELECT gate FROM message_input WHERE id NOT IN (SELECT id FROM locked_message)`);
    result.consuming.push(
      `heard AS (DELETE FROM message m USING message_input i WHERE m.id = i.id AND i.gate IN (SELECT id FROM gone))`,
    );
  }

  const replays = inputs.filter((input) => input.kind === 'quarantine');
  if (replays.length > 0) {
    const rows = replays.map(({ gate, quarantineId }) => ({ gate, id: quarantineId }));
    result.sections.push(
      `quarantine_input AS MATERIALIZED (${parameters.rows({ gate: 'uuid', id: 'uuid' }, rows)})`,
      `locked_quarantine AS MATERIALIZED (
  SELECT q.id FROM actor_quarantine q JOIN quarantine_input i ON i.id = q.id AND i.gate = q.actor_id
  ORDER BY q.id FOR UPDATE OF q SKIP LOCKED)`,
    );
    result.barred.push(
      `SELECT gate FROM quarantine_input WHERE id NOT IN (SELECT id FROM locked_quarantine)`,
    );
    result.consuming.push(
      `replayed AS (DELETE FROM actor_quarantine q USING quarantine_input i WHERE q.id = i.id AND i.gate IN (SELECT id FROM gone))`,
    );
  }
  return result;
}
