import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sql } from '../actors/sql.ts';
import type { AttemptRow, ClaimDeps } from './claims.ts';
import { releaseReadyTask, reserveForReturn } from './ready-tasks.ts';

/** A lease that has run out is taken off the task by an event; how long the return waits for it. */
const NOTICE_MS = 3_000;
const LOOK_AGAIN_MS = 100;

/**
 * Gives an agent its lease back that ran out while it was cut off, if nobody else has taken the task since and the agent has taken
 * no other one. Gives how long the lease lasts now, in seconds; null where it stays over.
 */
export async function regainLease(
  deps: ClaimDeps,
  attempt: AttemptRow,
  principal: string,
): Promise<number | null> {
  for (const until = Date.now() + NOTICE_MS; await isBeingEnded(deps.sql, attempt.lease_id);) {
    if (Date.now() > until) return null;
    await delay(LOOK_AGAIN_MS);
  }
  if (!(await reserveForReturn(deps.sql, attempt))) return null;
  const outcome = await deps.runtime().post(attempt.task_id, {
    id: randomUUID(),
    type: 'task.regain',
    payload: {
      lease: attempt.lease_id,
      agentId: attempt.agent_id,
      attempt: attempt.number,
      leaseSeconds: deps.leaseSeconds,
    },
    sender: 'service',
    principal,
  });
  if (outcome.outcome === 'accepted') return deps.leaseSeconds;
  await releaseReadyTask(
    deps.sql,
    { taskId: attempt.task_id, attempt: attempt.number + 1 },
    attempt.agent_id,
  );
  return null;
}

async function isBeingEnded(sql: Sql, leaseId: string): Promise<boolean> {
  const { rowCount } = await sql.query('SELECT FROM lease WHERE lease_id = $1 AND expired', [leaseId]);
  return rowCount > 0;
}
