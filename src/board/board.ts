import { createStore } from '@xstate/store';
import { applyEntry } from './apply-entry.ts';
import { applyTree } from './apply-tree.ts';
import type { Board, BoardEntry, BoardTree } from './board-types.ts';

/** The board before its first entry. */
export function emptyBoard(initiativeId: string): Board {
  return { initiativeId, cursor: null, actors: {}, events: [] };
}

/**
 * A store that folds the journal feed of one initiative. It is a projection: fed from the beginning, or from a board that was
 * kept together with its cursor, it comes to the same; entries that come twice change nothing.
 *
 * @example
 * const board = createBoard(emptyBoard(initiative.id));
 * board.trigger.named({ tree });
 * board.trigger.fed({ entries: page.entries });
 */
export function createBoard(from: Board) {
  return createStore({
    context: from,
    on: {
      /** A page of the feed, or one entry of its stream. */
      fed: (board, { entries }: { entries: readonly BoardEntry[] }): Board =>
        entries.reduce(applyEntry, board),
      /** The tree, read once at the start and again when something unnamed came. */
      named: (board, { tree }: { tree: BoardTree }): Board => applyTree(board, tree),
    },
  });
}

export type BoardStore = ReturnType<typeof createBoard>;
