import type { Sql } from '../actors/sql.ts';
import type { Caller } from './contracts.ts';
import { holdKey, recallAnswer } from './requests.ts';

/**
 * The lease that an earlier claim with this key has led to, or null. What is kept is its id: the answer is made anew from it, and
 * the secret in it from the caller's token. Refuses with `key_reused`.
 */
export async function leaseOfKey(sql: Sql, caller: Caller): Promise<string | null> {
  await holdKey(sql, caller);
  const kept = await recallAnswer(sql, caller);
  const lease = (kept?.answer as { readonly lease?: unknown } | null | undefined)?.lease;
  return typeof lease === 'string' ? lease : null;
}

/** Before the task is asked, so that a repetition after a crash finds what the first request has made; and when it is answered. */
export async function keepLease(sql: Sql, { principal, request }: Caller, leaseId: string): Promise<void> {
  if (request === null) return;
  await sql.query('UPDATE answered_request SET answer = $3 WHERE token_id = $1 AND key = $2', [
    principal.tokenId,
    request.key,
    JSON.stringify({ lease: leaseId }),
  ]);
}

/** Whether the task took the claim that this lease was made for; a crash may have come between. */
export async function wasClaimed(sql: Sql, leaseId: string): Promise<boolean> {
  const { rows } = await sql.query(
    `SELECT 1 FROM attempt a JOIN journal j ON j.actor_id = a.task_id AND j.event_id = a.lease_id
      WHERE a.lease_id = $1 AND j.outcome = 'accepted'`,
    [leaseId],
  );
  return rows.length > 0;
}
