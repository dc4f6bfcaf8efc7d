import type { Sql } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import type { PinnedComment } from '../machines/payloads.ts';
import type { ServedReview } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type { CommentThread } from './shapes/comment.ts';

/** How many comments one unit may have: each is carried over to every later review. */
const MAX_THREADS = 1_000;

interface ThreadRow {
  readonly id: string;
  readonly unit_id: string;
  readonly unit_kind: Kind;
  readonly round: number;
  readonly state: CommentThread['state'];
  readonly requested_round: number | null;
  readonly project: string;
  readonly side: CommentThread['side'];
  readonly file: string;
  readonly start_line: number;
  readonly line: number;
  readonly commit_oid: string | null;
  readonly blob_oid: string | null;
  readonly excerpt: CommentThread['excerpt'];
  readonly text: string;
  readonly author: string | null;
  readonly created_at: Date;
  readonly replies: CommentThread['replies'];
}

const THREADS = `
  SELECT t.id, t.unit_id, a.machine AS unit_kind, t.round, t.state, t.requested_round, t.project, t.side, t.file, t.start_line,
         t.line, t.commit_oid, t.blob_oid, t.excerpt, t.text, t.author, t.created_at,
         coalesce((SELECT jsonb_agg(jsonb_build_object('kind', r.kind, 'text', r.text, 'by', r.author,
                     'at', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY r.created_at, r.id)
                     FROM review_reply r WHERE r.thread_id = t.id), '[]') AS replies
    FROM review_thread t JOIN actor a ON a.id = t.unit_id`;

/** The comments on a unit in the order in which they came, those of one request for changes in its own. */
export async function threadsOf(
  sql: Sql,
  unitId: string,
  only: { readonly state?: string | undefined; readonly requestedIn?: number | undefined } = {},
): Promise<CommentThread[]> {
  const { rows } = await sql.query<ThreadRow>(
    `${THREADS} WHERE t.unit_id = $1 AND ($2::text IS NULL OR t.state = $2) AND ($3::int IS NULL OR t.requested_round = $3)
      ORDER BY t.created_at, t.place, t.id`,
    [unitId, only.state ?? null, only.requestedIn ?? null],
  );
  return rows.map(toThread);
}

export async function threadById(sql: Sql, id: string): Promise<CommentThread | null> {
  const { rows } = await sql.query<ThreadRow>(`${THREADS} WHERE t.id = $1`, [id]);
  return rows[0] === undefined ? null : toThread(rows[0]);
}

/** A comment on what is served now; gives its id. */
export async function putThread(sql: Sql, review: ServedReview, pinned: PinnedComment): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `INSERT INTO review_thread (unit_id, initiative_id, round, digest, project, side, file, start_line, line, commit_oid,
                                      blob_oid, excerpt, text, author)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
    [
      review.id,
      review.initiativeId,
      review.round,
      review.digest,
      pinned.project,
      pinned.side,
      pinned.file,
      pinned.startLine,
      pinned.line,
      pinned.commit,
      pinned.blob,
      JSON.stringify(pinned.excerpt),
      pinned.text,
      pinned.author,
    ],
  );
  return rows[0]?.id ?? '';
}

/** Refuses with `too_many_comments`. */
export async function refuseTooMany(sql: Sql, { kind, id }: ServedReview, more: number): Promise<void> {
  const { rows } = await sql.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM review_thread WHERE unit_id = $1',
    [id],
  );
  const known = rows[0]?.n ?? 0;
  if (known + more <= MAX_THREADS) return;
  throw new Refusal('too_many_comments', `this ${kind} may have ${MAX_THREADS} comments, and has ${known}`);
}

function toThread(row: ThreadRow): CommentThread {
  return {
    id: row.id,
    unit: { kind: row.unit_kind, id: row.unit_id },
    round: row.round,
    state: row.state,
    requestedIn: row.requested_round,
    project: row.project,
    side: row.side,
    file: row.file,
    startLine: row.start_line,
    line: row.line,
    commit: row.commit_oid,
    blob: row.blob_oid,
    excerpt: row.excerpt,
    text: row.text,
    by: row.author,
    at: row.created_at.toISOString(),
    replies: row.replies,
  };
}
