import type { Sql } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import { principalName } from './principal-name.ts';
import type { ServedReview, ServedReviews } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type { Principal } from './shapes/token.ts';

/**
 * The earlier review that `since` names: by its digest, or `last`, the one that this principal decided on last. Refuses with
 * `no_earlier_review`.
 */
export async function sinceReview(
  { sql, served }: { sql: Sql; served: ServedReviews },
  unit: { kind: Kind; id: string },
  since: string,
  principal: Principal,
): Promise<ServedReview> {
  const digest = since === 'last' ? await lastDecidedOn(sql, unit, principal) : since;
  if (digest === null) {
    throw new Refusal(
      'no_earlier_review',
      `you have not decided on a review of this ${unit.kind} yet; read all of it, without since`,
    );
  }
  const review = await served.served(unit.kind, unit.id, digest);
  if (review === null) {
    throw new Refusal('no_earlier_review', `no review of this ${unit.kind} was served under this digest`);
  }
  return review;
}

/** The journal has what was served in its order with what was decided: the newest before the decision is what the decision was on. */
async function lastDecidedOn(
  sql: Sql,
  { kind, id }: { kind: Kind; id: string },
  principal: Principal,
): Promise<string | null> {
  const { rows } = await sql.query<{ digest: string | null }>(
    `SELECT coalesce(event ->> 'submission', event -> 'output' ->> 'digest') AS digest
       FROM journal
      WHERE actor_id = $1 AND type = $2 AND outcome = 'accepted' AND seq < (
        SELECT max(seq) FROM journal
         WHERE actor_id = $1 AND principal = $3 AND type = ANY($4::text[]) AND outcome = 'accepted')
      ORDER BY seq DESC LIMIT 1`,
    [
      id,
      kind === 'task' ? 'task.submit' : 'xstate.done.actor.review',
      principalName(principal),
      [`${kind}.approve`, `${kind}.requestChanges`],
    ],
  );
  return rows[0]?.digest ?? null;
}
