import type { BoardEntry } from '../board/board-types.ts';
import type { BoardView, PhaseOnBoard } from '../board/board-view.ts';
import type { Client } from './client.ts';

export interface Shown {
  /** The initiative whose phases are reviewed, and the one in which they merge without asking. */
  readonly views: readonly [BoardView, BoardView];
  readonly client: Client;
  /** Approvals that were refused, which no journal has. */
  readonly refusals: number;
}

/** Asks the journal whether the run has shown what it is there to show. Throws a sentence that says what did not happen. */
export async function expectShown({ views: [reviewed, yolo], client, refusals }: Shown): Promise<void> {
  if (refusals === 0) throw new Error('no approval was refused because commits came after it was read');
  const accepted = await acceptedOf(reviewed, client);
  let changes = 0;
  for (const phase of reviewed.phases) {
    if (!has(accepted, phase, 'phase.approve'))
      throw new Error(`${phase.key ?? ''} was completed without an approval`);
    if (!has(accepted, phase, 'phase.requestChanges')) continue;
    await expectAnswers(phase, client);
    changes += 1;
  }
  if (changes === 0) throw new Error('no changes were requested');
  const unasked = await acceptedOf(yolo, client);
  for (const phase of yolo.phases) {
    if (has(unasked, phase, 'phase.approve'))
      throw new Error(`${phase.key ?? ''} was approved, although nobody has to`);
  }
}

/** All that was asked for is done, by a revision that says so of each comment. */
async function expectAnswers({ id, key, tasks }: PhaseOnBoard, client: Client): Promise<void> {
  const revisions = tasks.filter((task) => task.key?.startsWith('revision-') === true);
  if (revisions.length === 0) throw new Error(`${key ?? ''} has no revision`);
  const comments = await client.comments(id);
  if (comments.length === 0) throw new Error(`${key ?? ''} has no comments`);
  for (const { state, replies, file, line } of comments) {
    if (state !== 'addressed' || !replies.some(({ kind }) => kind === 'fixed'))
      throw new Error(`${key ?? ''}: the comment on line ${line} of ${file} is ${state}`);
  }
}

/** The events of an initiative and all in it, from the first one on. */
async function acceptedOf({ initiative }: BoardView, client: Client): Promise<readonly BoardEntry[]> {
  const all: BoardEntry[] = [];
  for (let cursor: string | null | undefined = null; cursor !== undefined;) {
    const page: readonly BoardEntry[] = await client.journal(initiative?.id ?? '', cursor);
    all.push(...page);
    cursor = page.at(-1)?.cursor;
  }
  return all.filter(({ outcome }) => outcome === 'accepted');
}

function has(entries: readonly BoardEntry[], { id }: PhaseOnBoard, type: string): boolean {
  return entries.some((entry) => entry.actorId === id && entry.type === type);
}
