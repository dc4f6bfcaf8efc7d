import type { CommentAnswer } from './payloads.ts';

/** What an attempt says to a comment. */
export interface AnswerRow extends CommentAnswer {
  readonly lease: string;
}

const rows = ({ event }: { event: { lease: string; answers: readonly CommentAnswer[] } }) => ({
  many: event.answers.map((answer) => ({ ...answer, lease: event.lease })),
});

/** Keeps the answers to a reviewer's comments, and counts what is fixed as addressed. */
export const putAnswers = [
  { type: 'answers.put', params: rows },
  { type: 'answers.count', params: rows },
] as const;
