import type { SqlPool } from '../actors/sql.ts';
import type { ReviewService } from './contracts.ts';
import type { ReviewDiffs } from './review-diffs.ts';
import type { ReviewFiles } from './review-files.ts';
import type { ServedReviews } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type { ReviewView } from './shapes/review.ts';
import type {
  ReviewDiffPage,
  ReviewDiffQuery,
  ReviewFilesPage,
  ReviewFilesQuery,
} from './shapes/review-files.ts';
import type { Principal } from './shapes/token.ts';

interface Deps {
  readonly sql: SqlPool;
  readonly served: ServedReviews;
  readonly files: ReviewFiles;
  readonly diffs: ReviewDiffs;
}

/** What reviewers read. */
export class Reviews implements ReviewService {
  readonly #sql: SqlPool;
  readonly #served: ServedReviews;
  readonly #files: ReviewFiles;
  readonly #diffs: ReviewDiffs;

  constructor({ sql, served, files, diffs }: Deps) {
    this.#sql = sql;
    this.#served = served;
    this.#files = files;
    this.#diffs = diffs;
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

  files(kind: Kind, id: string, query: ReviewFilesQuery, principal: Principal): Promise<ReviewFilesPage> {
    return this.#files.page(kind, id, query, principal);
  }

  diff(kind: Kind, id: string, query: ReviewDiffQuery, principal: Principal): Promise<ReviewDiffPage> {
    return this.#diffs.page(kind, id, query, principal);
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
