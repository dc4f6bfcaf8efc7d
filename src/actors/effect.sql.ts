/** A heartbeat that is older than this much must stop every lease from expiring; see outage.ts. `$` is the gap in ms. */
export function noOutage(gapMs: string): string {
  return `(SELECT h.beat_at > db_now() - ${gapMs} * interval '1 millisecond' FROM actor_heartbeat h)`;
}

/**
 * Claims up to `free` effects of each kind: ready ones whose time has come, and running ones whose lease is over.
 * Each claim is a new attempt; one that takes over from a lease that ran out counts a failure.
 * $1 kinds, $2 free, $3 lease ms, $4 instance, $5 outage ms.
 */
export const claimEffects = `
WITH wanted AS (SELECT * FROM unnest($1::text[], $2::int[]) AS w(kind, free)),
found AS MATERIALIZED (
  SELECT c.id FROM wanted w CROSS JOIN LATERAL (
    SELECT e.id FROM effect e
    WHERE e.kind = w.kind
      AND ((e.state = 'ready' AND e.run_at <= db_now()) OR (e.state = 'running' AND e.lease_until < db_now() AND ${noOutage('$5::float8')}))
      AND NOT EXISTS (SELECT FROM actor_quarantine q WHERE q.actor_id = e.actor_id)
    ORDER BY e.run_at LIMIT w.free FOR UPDATE OF e SKIP LOCKED) c)
UPDATE effect e SET state = 'running', attempt = e.attempt + 1, instance_id = $4,
  failures = e.failures + CASE WHEN e.state = 'running' THEN 1 ELSE 0 END,
  lease_until = db_now() + $3::float8 * interval '1 millisecond'
FROM found WHERE e.id = found.id
RETURNING e.id, e.actor_id, e.root_id, e.invoke_id, e.kind, e.input, e.attempt, e.failures`;

/**
 * Renews leases and tells which are still held. A row that a commit holds at this moment is ours too and is left alone.
 * A lost renewal costs a renewal, not an event: it need not wait for the disk.
 * $1 ids, $2 attempts, $3 lease ms.
 */
export const renewEffects = `
WITH held AS MATERIALIZED (
  SELECT e.id, set_config('synchronous_commit', 'off', true) AS quick FROM effect e
  JOIN unnest($1::uuid[], $2::int[]) AS r(id, attempt) ON r.id = e.id AND r.attempt = e.attempt WHERE e.state = 'running'),
free AS MATERIALIZED (SELECT e.id FROM effect e JOIN held h ON h.id = e.id FOR UPDATE OF e SKIP LOCKED),
renewed AS (UPDATE effect e SET lease_until = db_now() + $3::float8 * interval '1 millisecond'
  FROM free f JOIN unnest($1::uuid[], $2::int[]) AS r(id, attempt) ON r.id = f.id
  WHERE e.id = f.id AND e.attempt = r.attempt AND e.state = 'running')
SELECT id FROM held`;

/** Gives an effect back. $1 id, $2 attempt, $3 delay ms, $4 failures to add, $5 what went wrong. */
export const releaseEffect = `
UPDATE effect SET state = 'ready', instance_id = NULL, lease_until = NULL, failures = failures + $4::int,
  last_error = coalesce($5::jsonb, last_error), run_at = db_now() + $3::float8 * interval '1 millisecond'
WHERE id = $1 AND attempt = $2 AND state = 'running'`;

/** Takes back what an earlier life of this instance was running; its lease need not run out first. $1 instance, $2 failures to add. */
export const takeBackEffects = `
UPDATE effect SET state = 'ready', instance_id = NULL, lease_until = NULL, failures = failures + $2::int, run_at = db_now()
WHERE instance_id = $1 AND state = 'running'`;
