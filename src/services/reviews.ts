import type { SqlPool } from '../actors/sql.ts';
import type { ReviewService } from './contracts.ts';
import type { ServedReviews } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type { ReviewView } from './shapes/review.ts';

/** What reviewers read. */
export class Reviews implements ReviewService {
  readonly #sql: SqlPool;
  readonly #served: ServedReviews;

  constructor({ sql, served }: { sql: SqlPool; served: ServedReviews }) {
    this.#sql = sql;
    this.#served = served;
  }

  async review(kind: Kind, id: string): Promise<ReviewView> {
    const { review, actor } = await this.#served.open(kind, id);
    return {
      id,
      kind,
      version: actor.version,
      round: review.round,
      digest: review.digest,
      heads: { ...review.heads },
      base: { ...review.base },
      rounds: await this.#rounds(id),
    };
  }

  /** What reviewers asked for in earlier rounds. */
  async #rounds(unitId: string): Promise<ReviewView['rounds']> {
    const { rows } = await this.#sql.query<{ summary: string; comments: unknown; at: Date; by: string }>(
      `SELECT event ->> 'summary' AS summary, coalesce(event -> 'comments', '[]') AS comments, at, principal AS by
         FROM journal WHERE actor_id = $1 AND type LIKE '%.requestChanges' AND outcome = 'accepted' ORDER BY seq`,
      [unitId],
    );
    return rows.map((row, index) => ({
      round: index + 1,
      summary: row.summary,
      comments: row.comments as ReviewView['rounds'][number]['comments'],
      at: row.at.toISOString(),
      by: row.by,
    }));
  }
}
