import type { CommentAnswer } from './payloads.ts';

/** What an attempt says to a comment. */
export interface AnswerRow extends CommentAnswer {
  readonly lease: string;
}

const rows = ({ event }: { event: { lease: string; answers: readonly CommentAnswer[] } }) => ({
  many: event.answers.map((answer) => ({ ...answer, lease: event.lease })),
});

/** Keeps the answers to a reviewer's comments. */
export const putAnswers = { type: 'answers.put', params: rows } as const;

/**
 * Counts what a task says is fixed as addressed. Only a task that is reviewed by itself does so when it hands in: that opens its
 * review again, with just these commits.
 */
export const countAnswers = { type: 'answers.count', params: rows } as const;

/**
 * Counts what a revision says is fixed as addressed: of a phase when the task has landed, of an initiative when the phase has.
 * Before that it may be canceled or waived, the review opens again without it, and what was asked for has to be asked for again.
 */
export const countLanded = { type: 'answers.land', params: {} } as const;
