import type { Sql } from '../actors/sql.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { Phase } from '../db/entities/phase.ts';
import type { Task } from '../db/entities/task.ts';
import { Refusal } from '../errors.ts';
import type { CommentAnswer } from '../machines/payloads.ts';
import { threadsOf } from './comment-threads.ts';
import type { CommentThread } from './shapes/comment.ts';

/** A request for changes: of which unit, in which of its rounds. */
export interface ChangeRequest {
  readonly unitId: string;
  readonly round: number;
}

/**
 * The request for changes that a task is to answer: that of its phase for a revision task, that of the initiative for the first task
 * of a revision phase, its own for a task that is reviewed by itself. Null for every other task.
 */
export async function requestOf(
  runtime: Pick<Runtime, 'peek'>,
  task: Task,
  phase: Phase,
): Promise<ChangeRequest | null> {
  if (typeof task.round === 'number') return { unitId: task.phaseId, round: task.round };
  const revision = /^revision-(\d+)$/.exec(phase.key)?.[1];
  if (revision !== undefined && task.ordinal === 1) {
    return { unitId: task.initiativeId, round: Number(revision) };
  }
  const round = Number((await runtime.peek(task.id))?.context['round'] ?? 1);
  return round > 1 ? { unitId: task.id, round: round - 1 } : null;
}

/** Its comments, by project, file and line. */
export async function requestedComments(sql: Sql, request: ChangeRequest | null): Promise<CommentThread[]> {
  if (request === null) return [];
  const threads = await threadsOf(sql, request.unitId, { requestedIn: request.round });
  return threads.toSorted(
    (a, b) => compare(a.project, b.project) || compare(a.file, b.file) || a.startLine - b.startLine,
  );
}

/**
 * What the agent says to each comment of its request. Refuses with `comments_unanswered` when one that nobody has dismissed is left
 * out, and with `unknown_comment` for one that is not of the request.
 */
export async function answersTo(
  sql: Sql,
  request: ChangeRequest | null,
  { answers, fixedAll }: { readonly answers: readonly CommentAnswer[]; readonly fixedAll: string | null },
): Promise<CommentAnswer[]> {
  const comments = await requestedComments(sql, request);
  const known = new Set(comments.map(({ id }) => id));
  const foreign = answers.filter(({ comment }) => !known.has(comment));
  if (foreign.length > 0) {
    throw new Refusal('unknown_comment', 'an answer is to a comment that this task was not given', {
      details: { comments: foreign.map(({ comment }) => comment) },
    });
  }
  const given = new Map(answers.map((answer) => [answer.comment, answer]));
  const open = comments.filter(({ id, state }) => state !== 'dismissed' && !given.has(id));
  if (open.length > 0 && fixedAll === null) {
    throw new Refusal(
      'comments_unanswered',
      `${open.length} comments of the reviewer have no answer: say for each in answers that it is fixed or why not, or what was done about all others in fixedAll`,
      { details: { comments: open.map(({ id }) => id) } },
    );
  }
  const rest = open.map(({ id }) => ({ comment: id, outcome: 'fixed' as const, text: fixedAll ?? '' }));
  return [...given.values(), ...rest];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
