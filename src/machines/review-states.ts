import { keepError } from './effect-answers.ts';
import type { Comment } from './payloads.ts';

/** A review begins with the heads: they are read from git and kept, and exactly these can be approved. */
export function openingReview<Src extends string>(src: Src) {
  return {
    description: 'The heads are being read and kept.',
    tags: ['busy'],
    invoke: {
      id: 'review',
      src,
      input: ({ context }: { context: { round: number } }) => ({ round: context.round }),
      onDone: {
        target: 'open',
        actions: {
          type: 'recordHeads',
          params: ({ event }: { event: { output: { digest: string } } }) => ({
            digest: event.output.digest,
          }),
        },
      },
      onError: { target: 'unreadable', actions: keepError },
    },
  } as const;
}

/** A comment of a reviewer, as it is kept beside the round it belongs to. */
export interface CommentRow extends Comment {
  readonly round: number;
  readonly place: number;
}

/** Keeps the comments that came with a request for changes, in their order. */
export const putComments = {
  type: 'comment.put',
  params: ({ context, event }: { context: { round: number }; event: { comments: readonly Comment[] } }) => ({
    many: event.comments.map((comment, index) => ({ round: context.round, place: index + 1, ...comment })),
  }),
} as const;
