import type { Board, BoardActor } from './board-types.ts';

export interface BoardCounts {
  readonly total: number;
  readonly settled: number;
  readonly busy: number;
  readonly waiting: number;
  readonly needsYou: number;
}

export interface PhaseOnBoard extends BoardActor {
  readonly tasks: readonly BoardActor[];
  readonly counts: BoardCounts;
}

/** The board as it is drawn: phases and tasks in the order of the plan. */
export interface BoardView {
  readonly initiative: BoardActor | null;
  readonly phases: readonly PhaseOnBoard[];
  readonly counts: BoardCounts;
}

/** Arranges the actors of a board. Actors that nothing named yet are left out; see `hasUnnamed`. */
export function boardView(board: Board): BoardView {
  const named = Object.values(board.actors)
    .filter((actor) => actor.key !== null)
    .toSorted((a, b) => a.ordinal - b.ordinal);
  const phases = named.filter((actor) => actor.kind === 'phase').map((phase) => withTasks(phase, named));
  return {
    initiative: board.actors[board.initiativeId] ?? null,
    phases,
    counts: countsOf(phases.flatMap((phase) => phase.tasks)),
  };
}

/** Whether the tree has to be read again: something was made since, such as a task that resolves a conflict. */
export function hasUnnamed(board: Board): boolean {
  return Object.values(board.actors).some((actor) => actor.key === null);
}

function withTasks(phase: BoardActor, named: readonly BoardActor[]): PhaseOnBoard {
  const tasks = named.filter((actor) => actor.kind === 'task' && actor.parentId === phase.id);
  return { ...phase, tasks, counts: countsOf(tasks) };
}

/** Clients count tags, never names of states: a new state then needs no new client. */
function countsOf(tasks: readonly BoardActor[]): BoardCounts {
  const tagged = (tag: string): number => tasks.filter((task) => task.tags.includes(tag)).length;
  return {
    total: tasks.length,
    settled: tagged('settled'),
    busy: tagged('busy'),
    waiting: tagged('waiting') + tagged('claimable'),
    needsYou: tagged('needs_you'),
  };
}
