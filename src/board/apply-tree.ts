import type { Board, BoardActor, BoardKind, BoardName, BoardTree } from './board-types.ts';

/** Names the actors of the board and puts them in order. States are the journal's to say, and stay as they are. */
export function applyTree(board: Board, tree: BoardTree): Board {
  if (tree.id !== board.initiativeId) return board;
  const actors: Record<string, BoardActor> = { ...board.actors };
  const name = (kind: BoardKind, parentId: string | null, ordinal: number, named: BoardName): void => {
    const { id, key } = named;
    const known = actors[id] ?? unborn(named, kind);
    const title = known.renamedBy > 0 ? known.title : named.title;
    actors[id] = { ...known, parentId, ordinal, key, title };
  };
  name('initiative', null, 1, tree);
  for (const phase of tree.phases) {
    name('phase', tree.id, phase.ordinal, phase);
    for (const task of phase.tasks) name('task', phase.id, task.ordinal, task);
  }
  return { ...board, actors };
}

/** An actor whose first entry has not come yet. */
function unborn({ id, key, title }: BoardName, kind: BoardKind): BoardActor {
  return {
    id,
    kind,
    parentId: null,
    ordinal: 0,
    key,
    title,
    renamedBy: 0,
    state: null,
    tags: [],
    attempt: 0,
    agentId: null,
    seq: 0,
    since: null,
  };
}
