import type { Sql } from '../actors/sql.ts';
import type { Heads } from './heads.ts';

/** What an agent handed in: the tips it pushed, by project. */
export interface Submission {
  readonly taskId: string;
  readonly digest: string;
  readonly leaseId: string;
  readonly branch: string;
  readonly heads: Heads;
}

/** What a review served, and the target's tips it was opened on. */
export interface Review {
  readonly unitId: string;
  readonly digest: string;
  readonly round: number;
  readonly heads: Heads;
  readonly base: Heads;
}

interface SubmissionRow {
  readonly task_id: string;
  readonly digest: string;
  readonly lease_id: string;
  readonly branch: string;
  readonly heads: Heads;
}

interface ReviewRow {
  readonly unit_id: string;
  readonly digest: string;
  readonly round: number;
  readonly heads: Heads;
  readonly base: Heads;
}

/** Writes a submission once; the same heads under the same lease are the same submission. */
export async function putSubmission(sql: Sql, submission: Submission): Promise<void> {
  await sql.query(
    `INSERT INTO submission (task_id, digest, lease_id, branch, heads) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (task_id, digest) DO NOTHING`,
    [
      submission.taskId,
      submission.digest,
      submission.leaseId,
      submission.branch,
      JSON.stringify(submission.heads),
    ],
  );
}

export async function getSubmission(sql: Sql, taskId: string, digest: string): Promise<Submission | null> {
  const { rows } = await sql.query<SubmissionRow>(
    'SELECT task_id, digest, lease_id, branch, heads FROM submission WHERE task_id = $1 AND digest = $2',
    [taskId, digest],
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    taskId: row.task_id,
    digest: row.digest,
    leaseId: row.lease_id,
    branch: row.branch,
    heads: row.heads,
  };
}

/** Writes what a review serves; opening it again on the same heads changes the round only. */
export async function putReview(sql: Sql, review: Review): Promise<void> {
  await sql.query(
    `INSERT INTO review (unit_id, digest, round, heads, base) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (unit_id, digest) DO UPDATE SET round = excluded.round, base = excluded.base, opened_at = db_now()`,
    [review.unitId, review.digest, review.round, JSON.stringify(review.heads), JSON.stringify(review.base)],
  );
}

export async function getReview(sql: Sql, unitId: string, digest: string): Promise<Review | null> {
  const { rows } = await sql.query<ReviewRow>(
    'SELECT unit_id, digest, round, heads, base FROM review WHERE unit_id = $1 AND digest = $2',
    [unitId, digest],
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    unitId: row.unit_id,
    digest: row.digest,
    round: row.round,
    heads: row.heads,
    base: row.base,
  };
}

/** One file that did not merge, in git's own words. */
export interface ConflictFile {
  readonly path: string;
  readonly type: string;
  readonly message: string;
  readonly stages: Readonly<Record<string, { mode: string; oid: string } | undefined>>;
}

/** The conflict of one project. */
export interface ConflictRecord {
  readonly project: string;
  readonly source: string;
  readonly target: string;
  readonly files: readonly ConflictFile[];
}

/** Remembers the conflict a landing met last. */
export async function putConflict(
  sql: Sql,
  unitId: string,
  effectId: string,
  projects: readonly ConflictRecord[],
): Promise<void> {
  await sql.query(
    `INSERT INTO unit_conflict (unit_id, effect_id, projects) VALUES ($1, $2, $3)
     ON CONFLICT (unit_id) DO UPDATE SET effect_id = excluded.effect_id, projects = excluded.projects, found_at = db_now()`,
    [unitId, effectId, JSON.stringify(projects)],
  );
}

export async function getConflict(sql: Sql, unitId: string): Promise<readonly ConflictRecord[] | null> {
  const { rows } = await sql.query<{ projects: readonly ConflictRecord[] }>(
    'SELECT projects FROM unit_conflict WHERE unit_id = $1',
    [unitId],
  );
  return rows[0]?.projects ?? null;
}
