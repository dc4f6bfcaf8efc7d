import type { BoardActor } from '../board/board-types.ts';
import type { BoardView } from '../board/board-view.ts';
import { RefusedError, type Client } from './client.ts';

/** Approves what waits for review: exactly the heads that the service serves at that moment. */
export class Reviewer {
  readonly #client: Client;
  readonly #approved: (what: string) => void;
  readonly #said = new Set<string>();

  constructor(client: Client, approved: (what: string) => void) {
    this.#client = client;
    this.#approved = approved;
  }

  /** Looks at the board once. */
  async look({ initiative, phases }: BoardView): Promise<void> {
    for (const phase of phases) {
      if (isOpen(phase)) await this.#approve('phases', phase);
    }
    if (initiative !== null && isOpen(initiative)) await this.#approve('initiatives', initiative);
  }

  async #approve(kind: 'phases' | 'initiatives', { id, key }: BoardActor): Promise<void> {
    try {
      const review = await this.#client.review(kind, id);
      await this.#client.approve(kind, id, review);
      // The board may be a moment behind: the repeated approval is the same one, and is said once.
      const approval = `${id} ${review.round} ${review.digest}`;
      if (!this.#said.has(approval)) this.#approved(key ?? id);
      this.#said.add(approval);
    } catch (error) {
      // The board is behind: it is approved already, or its heads have moved since. The next look sees.
      if (!(error instanceof RefusedError && error.status === 409)) throw error;
    }
  }
}

/** While the review is being opened its heads are not known yet, and nobody is asked. */
function isOpen({ state, tags }: BoardActor): boolean {
  return state?.startsWith('pending_review') === true && tags.includes('needs_you');
}
