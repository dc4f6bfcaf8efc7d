import { setTimeout as pause } from 'node:timers/promises';
import type { BoardStore } from '../board/board.ts';
import { hasUnnamed } from '../board/board-view.ts';
import type { Client } from './client.ts';

const POLL_MS = 150;

/** Keeps a board up to date with the journal until the signal. A service that was killed is resumed at the board's cursor. */
export async function follow(board: BoardStore, client: Client, signal: AbortSignal): Promise<void> {
  const { initiativeId } = board.getSnapshot().context;
  board.trigger.named({ tree: await client.tree(initiativeId) });
  while (!signal.aborted) {
    const entries = await client.journal(initiativeId, board.getSnapshot().context.cursor);
    if (entries.length === 0) await pause(POLL_MS);
    else board.trigger.fed({ entries });
    if (hasUnnamed(board.getSnapshot().context))
      board.trigger.named({ tree: await client.tree(initiativeId) });
  }
}
