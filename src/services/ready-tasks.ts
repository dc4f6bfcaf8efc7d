import type { Sql, SqlPool } from '../actors/sql.ts';

/** How long a ready task is kept back for the agent that is about to claim it. */
const RESERVATION_SECONDS = 30;

/** A ready task that nobody else will be offered for a while. */
export interface Reservation {
  readonly taskId: string;
  readonly attempt: number;
}

/** What the agent can do, for the choice among ready tasks. */
export interface Candidate {
  readonly agentId: string;
  readonly capabilities: readonly string[];
}

interface ReadyRow {
  readonly task_id: string;
  readonly initiative_id: string;
  readonly attempt: number;
}

/**
 * Reserves the ready task with the highest priority that the agent is able to do: not of a paused initiative, not while a landing
 * owns the branch of its phase, not above the initiative's limit. Among equals, initiatives with fewer leases come first.
 */
export async function reserveReadyTask(pool: SqlPool, candidate: Candidate): Promise<Reservation | null> {
  return pool.transaction(async (sql) => {
    const earlier = await earlierRequest(sql, candidate.agentId);
    if (earlier !== null) return earlier.reservation;
    const { rows } = await sql.query<ReadyRow>(
      `SELECT r.task_id, r.initiative_id, r.attempt
         FROM ready_task r
         JOIN task t ON t.id = r.task_id
         JOIN phase p ON p.id = r.phase_id
         JOIN initiative i ON i.id = r.initiative_id
         CROSS JOIN LATERAL (SELECT count(*) AS held FROM lease l WHERE l.initiative_id = i.id) busy
        WHERE (r.reserved_until IS NULL OR r.reserved_until < db_now())
          AND NOT i.paused
          AND t.capabilities <@ $1::text[]
          AND busy.held < i.task_limit
          AND NOT EXISTS (
            SELECT 1 FROM landing_intent n
             WHERE n.state = 'open' AND n.ref = 'refs/heads/signalbox/' || i.key || '/phase/' || p.key)
        ORDER BY r.priority DESC, busy.held, r.ready_at, r.task_id
        LIMIT 1
        FOR UPDATE OF r SKIP LOCKED`,
      [candidate.capabilities],
    );
    const row = rows[0];
    if (row === undefined) return null;
    if (!(await hasRoom(sql, row.initiative_id))) return null;
    await sql.query(
      `UPDATE ready_task SET reserved_until = db_now() + $2 * interval '1 second', reserved_by = $3 WHERE task_id = $1`,
      [row.task_id, RESERVATION_SECONDS, candidate.agentId],
    );
    return { taskId: row.task_id, attempt: row.attempt };
  });
}

/**
 * What another request of this agent has taken already: requests that arrive together, or again after a crash, get one task. Reads
 * lease and reservation in one snapshot, because a claim turns one into the other; the lock makes the requests take turns.
 */
async function earlierRequest(
  sql: Sql,
  agentId: string,
): Promise<{ reservation: Reservation | null } | null> {
  await sql.query('SELECT FROM agent WHERE id = $1 FOR NO KEY UPDATE', [agentId]);
  const { rows } = await sql.query<{ holds: boolean; task_id: string | null; attempt: number | null }>(
    `SELECT EXISTS (SELECT 1 FROM lease WHERE agent_id = $1 AND NOT expired) AS holds, r.task_id, r.attempt
       FROM (SELECT) one LEFT JOIN ready_task r ON r.reserved_by = $1 AND r.reserved_until > db_now()
      ORDER BY r.task_id LIMIT 1`,
    [agentId],
  );
  const [found] = rows;
  if (found === undefined || found.holds) return { reservation: null };
  if (found.task_id === null || found.attempt === null) return null;
  return { reservation: { taskId: found.task_id, attempt: found.attempt } };
}

/** Counts under a lock on the initiative, so that two claims at once can not both take the last slot. */
async function hasRoom(sql: Sql, initiativeId: string): Promise<boolean> {
  const { rows } = await sql.query<{ task_limit: number; paused: boolean }>(
    'SELECT task_limit, paused FROM initiative WHERE id = $1 FOR NO KEY UPDATE',
    [initiativeId],
  );
  const limit = rows[0];
  if (limit === undefined || limit.paused) return false;
  const { rows: counted } = await sql.query<{ taken: number }>(
    `SELECT (SELECT count(*) FROM lease WHERE initiative_id = $1)::int
          + (SELECT count(*) FROM ready_task WHERE initiative_id = $1 AND reserved_until > db_now())::int AS taken`,
    [initiativeId],
  );
  return (counted[0]?.taken ?? 0) < limit.task_limit;
}

/**
 * Asked last before the task is told, and gives that its time. False when the reservation ran out or was given back by another request
 * of the agent: it may have reserved something else since, and an agent holds one task.
 */
export async function keepReservation(sql: Sql, reservation: Reservation, agentId: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE ready_task SET reserved_until = db_now() + $4 * interval '1 second'
      WHERE task_id = $1 AND attempt = $2 AND reserved_by = $3 AND reserved_until > db_now()`,
    [reservation.taskId, reservation.attempt, agentId, RESERVATION_SECONDS],
  );
  return rowCount > 0;
}

/**
 * Reserves the task of an attempt whose agent is back, if it waits for its next one, nobody else is about to take it, and the agent
 * has taken nothing else. The initiative's limit is not asked: it says how many tasks are given out, and this one was. Counts the
 * return: the lease may run out once more.
 */
export async function reserveForReturn(
  pool: SqlPool,
  attempt: {
    readonly lease_id: string;
    readonly task_id: string;
    readonly number: number;
    readonly agent_id: string;
  },
): Promise<boolean> {
  return pool.transaction(async (sql) => {
    // What it has reserved of this very task is a return that was cut off, or a claim that this one overtakes.
    const earlier = await earlierRequest(sql, attempt.agent_id);
    if (earlier !== null && earlier.reservation?.taskId !== attempt.task_id) return false;
    const { rowCount } = await sql.query(
      `UPDATE ready_task r SET reserved_until = db_now() + $4 * interval '1 second', reserved_by = $3
         FROM initiative i
        WHERE r.task_id = $1 AND r.attempt = $2 AND i.id = r.initiative_id AND NOT i.paused
          AND (r.reserved_until IS NULL OR r.reserved_until < db_now() OR r.reserved_by = $3)`,
      [attempt.task_id, attempt.number + 1, attempt.agent_id, RESERVATION_SECONDS],
    );
    if (rowCount === 0) return false;
    await sql.query('UPDATE attempt SET regains = regains + 1 WHERE lease_id = $1', [attempt.lease_id]);
    return true;
  });
}

/** Gives a reservation back: the claim was refused or could not be made. */
export async function releaseReadyTask(sql: Sql, reservation: Reservation, agentId: string): Promise<void> {
  await sql.query(
    'UPDATE ready_task SET reserved_until = NULL, reserved_by = NULL WHERE task_id = $1 AND reserved_by = $2',
    [reservation.taskId, agentId],
  );
}
