import { answer, keepError } from './effect-answers.ts';
import type { PinnedComment } from './payloads.ts';

/** What re-proving the children of a unit from rows and git can come to. */
export interface Proof {
  readonly proven: boolean;
  readonly missing: readonly string[];
}

/** What opening a review can come to: the digest of the heads that it serves, or null where something is missing in them. */
export interface ReviewOpening extends Proof {
  readonly digest: string | null;
}

/** Takes up the work again at what is missing: nothing that was served before can be approved any more. */
interface Unproven<Target extends string, Action> {
  readonly target: Target;
  readonly actions: readonly Action[];
}

/** A review begins with the heads: they are read from git, proven and kept, and exactly these can be approved. */
export function openingReview<Src extends string, Target extends string, Action>(
  src: Src,
  unproven: Unproven<Target, Action>,
) {
  return {
    description: 'The heads are being read, proven and kept.',
    tags: ['busy'],
    invoke: {
      id: 'review',
      src,
      input: ({ context }: { context: { round: number } }) => ({ round: context.round }),
      onDone: [{ guard: answer('isProven'), target: 'open', actions: answer('recordHeads') }, unproven],
      onError: { target: 'unreadable', actions: keepError },
    },
  } as const;
}

/** What was approved: the heads that the review serves, or those that stand in their place. */
export const keepApproval = {
  type: 'recordApproval',
  params: ({ event }: { event: { lands: string | null } }) => ({ lands: event.lands }),
} as const;

/** A comment of a reviewer, as it is kept beside the round it belongs to. */
export interface CommentRow extends PinnedComment {
  readonly round: number;
  readonly place: number;
  /** Of the heads that the review served. */
  readonly digest: string | null;
}

interface Commented {
  readonly context: { readonly round: number };
  readonly event: { readonly comments: readonly PinnedComment[] };
}

/** Keeps the comments that came with a request for changes, in their order, and has all that are open answered by the revision. */
export function putComments<Context>(digestOf: (context: Context) => string | null) {
  return [
    {
      type: 'comments.request',
      params: ({ context }: Commented) => ({ round: context.round }),
    },
    {
      type: 'comment.put',
      params: ({ context, event }: Commented & { readonly context: Context }) => ({
        many: event.comments.map((comment, index) => ({
          ...comment,
          round: context.round,
          place: index + 1,
          digest: digestOf(context),
        })),
      }),
    },
  ] as const;
}
