import type { JsonObject } from '../actors/json.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Boundary } from '../git/boundary.ts';
import type { Hub } from '../git/hub.ts';
import type { Comment, PinnedComment } from '../machines/payloads.ts';
import { pinComment } from './comment-pins.ts';
import { placesIn } from './comment-places.ts';
import { putThread, refuseTooMany, threadById, threadsOf } from './comment-threads.ts';
import type { Answered, Caller, CommentService } from './contracts.ts';
import { gitRefusal } from './git-refusal.ts';
import type { PlanStore } from './plan-store.ts';
import { principalName } from './principal-name.ts';
import { recallAnswer, withRequest } from './requests.ts';
import type { ServedReview, ServedReviews } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type {
  CommentState,
  CommentThread,
  NewComment,
  NewReply,
  PlacedThread,
  StateChange,
} from './shapes/comment.ts';

interface Deps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly served: ServedReviews;
  /** The point of a comment at which tests stop it; does nothing in production. */
  readonly boundary: Boundary;
}

/** How often a comment gets its place because its unit is told something meanwhile. */
const MAX_LOOKS = 5;

/** What reviewers say about lines of a review, and what is answered. */
export class Comments implements CommentService {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async list(kind: Kind, id: string, state: CommentState | undefined): Promise<PlacedThread[]> {
    const review = await this.#openOrNull(kind, id);
    const threads = await threadsOf(this.#deps.sql, id, { state });
    const places = review === null ? null : await this.#places(review, threads);
    return threads.map((thread) => ({ ...thread, place: places?.get(thread.id) ?? null }));
  }

  async add(
    kind: Kind,
    id: string,
    comment: NewComment,
    caller: Caller,
    ifVersion: number | null,
  ): Promise<Answered<CommentThread>> {
    for (let look = 1; look <= MAX_LOOKS; look += 1) {
      // A repetition gets its first answer, whatever has become of the review since.
      const repeated = await recallAnswer<CommentThread>(this.#deps.sql, caller);
      if (repeated !== null) return repeated;
      const { review, actor } = await this.#deps.served.open(kind, id);
      // The same line of other heads may be other code.
      if (ifVersion !== null && ifVersion !== actor.version)
        throw staleVersion(kind, ifVersion, actor.version);
      if (!actor.next.includes(`${kind}.approve`)) {
        throw new Refusal('no_open_review', `this ${kind} is not in review any more`);
      }
      const pinned = await this.#pin(review, comment, principalName(caller.principal));
      await this.#deps.boundary('before-comment');
      const added = await this.#put(review, actor.version, pinned, caller);
      if (added !== null) return added;
    }
    throw new Refusal('no_open_review', `the review of this ${kind} does not stand still: send this again`);
  }

  /**
   * Keeps a comment, and its unit at the version at which its review was read; null when that has moved on. A request for changes
   * or an approval that came in between knows nothing of the comment.
   */
  #put(
    review: ServedReview,
    version: number,
    pinned: PinnedComment,
    caller: Caller,
  ): Promise<Answered<CommentThread> | null> {
    return this.#deps.sql.transaction(async (sql) => {
      const { rowCount } = await sql.query(
        'SELECT FROM actor WHERE id = $1 AND version = $2 FOR NO KEY UPDATE',
        [review.id, version],
      );
      if (rowCount === 0) return null;
      return withRequest<CommentThread>(sql, caller, async () => {
        await refuseTooMany(sql, review, 1);
        return (await threadById(sql, await putThread(sql, review, pinned))) ?? unknown('');
      });
    });
  }

  async reply(id: string, { text }: NewReply, caller: Caller): Promise<Answered<CommentThread>> {
    return this.#deps.sql.transaction((sql) =>
      withRequest<CommentThread>(sql, caller, async () => {
        if ((await threadById(sql, id)) === null) return unknown(id);
        await sql.query(
          `INSERT INTO review_reply (thread_id, kind, text, author) VALUES ($1, 'reply', $2, $3)`,
          [id, text, principalName(caller.principal)],
        );
        return (await threadById(sql, id)) ?? unknown(id);
      }),
    );
  }

  async setState(id: string, { state, text }: StateChange, caller: Caller): Promise<Answered<CommentThread>> {
    return this.#deps.sql.transaction((sql) =>
      withRequest<CommentThread>(sql, caller, async () => {
        const { rowCount } = await sql.query('UPDATE review_thread SET state = $2 WHERE id = $1', [
          id,
          state,
        ]);
        if (rowCount === 0) return unknown(id);
        await sql.query(`INSERT INTO review_reply (thread_id, kind, text, author) VALUES ($1, $2, $3, $4)`, [
          id,
          state === 'open' ? 'opened' : state,
          text,
          principalName(caller.principal),
        ]);
        return (await threadById(sql, id)) ?? unknown(id);
      }),
    );
  }

  /** The comments of a request for changes get their places; a state that takes no request refuses it itself. */
  async ofRequest(kind: Kind, actor: ActorView, payload: JsonObject, author: string): Promise<JsonObject> {
    const comments = payload['comments'] as unknown as readonly Comment[];
    if (comments.length === 0 || !actor.next.includes(`${kind}.requestChanges`)) {
      return { ...payload, comments: comments.map((comment) => ({ ...unpinned(comment), author })) };
    }
    const { review } = await this.#deps.served.open(kind, actor.id);
    await refuseTooMany(this.#deps.sql, review, comments.length);
    const pinned: PinnedComment[] = [];
    for (const comment of comments) pinned.push(await this.#pin(review, comment, author));
    return { ...payload, comments: pinned as unknown as JsonObject[] };
  }

  async #pin(review: ServedReview, comment: Comment, author: string): Promise<PinnedComment> {
    try {
      return await pinComment(this.#deps, review, comment, author);
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #places(review: ServedReview, threads: readonly CommentThread[]) {
    try {
      return await placesIn(this.#deps, review, threads);
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #openOrNull(kind: Kind, id: string): Promise<ServedReview | null> {
    try {
      return (await this.#deps.served.open(kind, id)).review;
    } catch (error) {
      if (error instanceof Refusal && error.code === 'no_open_review') return null;
      throw error;
    }
  }
}

function unpinned(comment: Comment): Omit<PinnedComment, 'author'> {
  return { ...comment, startLine: comment.startLine ?? comment.line, commit: null, blob: null, excerpt: [] };
}

function staleVersion(kind: Kind, read: number, version: number): Refusal {
  return new Refusal(
    'stale_version',
    `this ${kind} is at version ${version} by now, and its review was read at ${read}: read it again before you comment on it`,
    { details: { version } },
  );
}

function unknown(id: string): never {
  throw new Refusal('unknown_comment', `there is no comment with the id ${id}`);
}
