import { Refusal } from '../errors.ts';
import { excerpt } from '../git/file-text.ts';
import { fileAt } from '../git/file-at.ts';
import type { Hub } from '../git/hub.ts';
import { pathBytes } from '../git/path-name.ts';
import type { Repository } from '../git/repository.ts';
import type { Comment, PinnedComment } from '../machines/payloads.ts';
import type { PlanStore } from './plan-store.ts';
import type { ServedReview } from './served-reviews.ts';

/** Lines shown around the place of a comment, how many at most, and how much of each. */
const AROUND = 3;
const MAX_EXCERPT_LINES = 20;
const MAX_LINE_LENGTH = 300;

/**
 * Finds the place of a comment in what its review serves: the commit and blob of its side, and the lines around. Refuses with
 * `unknown_project`, `unknown_file` and `unknown_line`.
 */
export async function pinComment(
  deps: { readonly plan: PlanStore; readonly hub: Hub },
  review: ServedReview,
  comment: Comment,
  author: string,
): Promise<PinnedComment> {
  const linked = await deps.plan.linkedProjects(review.initiativeId);
  const project = linked.find((link) => link.project.key === comment.project)?.project;
  if (project === undefined || !(comment.project in review.heads)) {
    throw new Refusal('unknown_project', `the review has no project ${comment.project}`);
  }
  const repository = deps.hub.repository(project.id);
  const commit = await commitOf(repository, review, comment);
  const path = pathBytes(comment.file);
  const entry = commit === null || path === null ? null : await fileAt(repository, commit, path);
  if (commit === null || entry === null) {
    throw new Refusal(
      'unknown_file',
      `${comment.project} has no file ${comment.file.slice(0, 200)} on the ${comment.side} side of this review`,
    );
  }
  const startLine = comment.startLine ?? comment.line;
  const lines =
    entry.size === null ? null : await excerpt(repository, entry.blob, startLine, comment.line, AROUND);
  const lineCount = lines?.kind === 'text' ? lines.lineCount : 0;
  if (startLine > comment.line || comment.line > lineCount || (startLine === 0 && comment.line > 0)) {
    throw new Refusal(
      'unknown_line',
      lineCount === 0
        ? `${comment.file.slice(0, 200)} has no lines to comment on; use line 0 for the file as a whole`
        : `${comment.file.slice(0, 200)} has the lines 1 to ${lineCount}`,
    );
  }
  return {
    ...comment,
    startLine,
    commit,
    blob: entry.blob,
    excerpt:
      comment.line === 0 || lines?.kind !== 'text'
        ? []
        : lines.lines.slice(0, MAX_EXCERPT_LINES).map(({ line, text }) => ({ line, text: shown(text) })),
    author,
  };
}

/** The commit that a side of the review shows: the head, or the commit from which it left its base. */
export async function commitOf(
  repository: Repository,
  { heads, base }: Pick<ServedReview, 'heads' | 'base'>,
  { project, side }: Pick<Comment, 'project' | 'side'>,
): Promise<string | null> {
  const [head, target] = [heads[project] ?? null, base[project] ?? null];
  if (head === null) return target;
  if (side === 'new') return head;
  return target === null ? null : repository.mergeBase(target, head);
}

/** What PostgreSQL can hold of a line, and no more of it than helps to find the place. */
function shown(text: string): string {
  return text.replaceAll('\u0000', '\ufffd').slice(0, MAX_LINE_LENGTH).toWellFormed();
}
