import type { SqlPool } from '../actors/sql.ts';
import { carryFile, carryLines } from '../git/carry-lines.ts';
import type { Hub } from '../git/hub.ts';
import { pathBytes, pathName } from '../git/path-name.ts';
import type { Repository } from '../git/repository.ts';
import { commitOf } from './comment-pins.ts';
import type { PlanStore } from './plan-store.ts';
import type { ServedReview } from './served-reviews.ts';
import type { CommentThread, PlacedThread } from './shapes/comment.ts';

type Place = NonNullable<PlacedThread['place']>;

interface Deps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
}

/**
 * Carries comments over to the heads of a review: to their new lines, in a renamed file too, or marked as outdated where these lines
 * were changed or are gone. What is found is kept: neither the comment's commit nor the heads ever change.
 */
export async function placesIn(
  deps: Deps,
  review: ServedReview,
  threads: readonly CommentThread[],
): Promise<ReadonlyMap<string, Place>> {
  const places = new Map(await knownPlaces(deps.sql, review.digest, threads));
  const projects = new Map(
    (await deps.plan.linkedProjects(review.initiativeId)).map(({ project }) => [project.key, project.id]),
  );
  for (const thread of threads) {
    if (places.has(thread.id)) continue;
    const project = projects.get(thread.project);
    const place =
      project === undefined ? outdated(thread) : await carried(deps.hub.repository(project), review, thread);
    await keepPlace(deps.sql, thread.id, review.digest, place);
    places.set(thread.id, place);
  }
  return places;
}

async function carried(repository: Repository, review: ServedReview, thread: CommentThread): Promise<Place> {
  const { file, startLine, line } = thread;
  const to = await commitOf(repository, review, thread);
  const path = pathBytes(file);
  if (thread.commit === null || to === null || path === null) return outdated(thread);
  if (thread.commit === to) return { file, startLine, line, outdated: false };
  if (line === 0) {
    const found = await carryFile(repository, thread.commit, to, path);
    return found === null ? outdated(thread) : { file: pathName(found), startLine, line, outdated: false };
  }
  const found = await carryLines(repository, thread.commit, to, { path, startLine, line });
  if (found === null) return outdated(thread);
  return { file: pathName(found.path), startLine: found.startLine, line: found.line, outdated: false };
}

function outdated({ file, startLine, line }: CommentThread): Place {
  return { file, startLine, line, outdated: true };
}

async function knownPlaces(
  sql: SqlPool,
  digest: string,
  threads: readonly CommentThread[],
): Promise<[string, Place][]> {
  const { rows } = await sql.query<{
    thread_id: string;
    file: string;
    start_line: number;
    line: number;
    outdated: boolean;
  }>(
    `SELECT thread_id, file, start_line, line, outdated FROM review_place WHERE digest = $1 AND thread_id = ANY($2::uuid[])`,
    [digest, threads.map(({ id }) => id)],
  );
  return rows.map((row) => [
    row.thread_id,
    { file: row.file, startLine: row.start_line, line: row.line, outdated: row.outdated },
  ]);
}

async function keepPlace(sql: SqlPool, threadId: string, digest: string, place: Place): Promise<void> {
  await sql.query(
    `INSERT INTO review_place (thread_id, digest, file, start_line, line, outdated) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (thread_id, digest) DO NOTHING`,
    [threadId, digest, place.file, place.startLine, place.line, place.outdated],
  );
}
