import type { Board, BoardActor, BoardEntry, BoardEvent, BoardKind, BoardState } from './board-types.ts';

/** How many lines of the log are kept: more than a screen shows. */
const EVENTS_KEPT = 100;

/** Folds one journal entry into the board. One of another initiative, or that was counted before, only moves the cursor. */
export function applyEntry(board: Board, entry: BoardEntry): Board {
  const { cursor } = entry;
  const kind = kindOf(entry.machine);
  if (kind === null || entry.rootId !== board.initiativeId) return { ...board, cursor };
  const known = board.actors[entry.actorId] ?? newActor(entry.actorId, kind);
  if (entry.seq <= known.seq) return { ...board, cursor };
  const actor = nextActor(known, entry);
  return {
    ...board,
    cursor,
    actors: { ...board.actors, [actor.id]: actor },
    events: [...board.events, eventOf(entry)].slice(-EVENTS_KEPT),
  };
}

/** `in_progress`, or `in_progress.asking` for a state within a state. */
export function stateText(state: BoardState): string {
  if (typeof state === 'string') return state;
  const [name, inner] = Object.entries(state)[0] ?? ['', null];
  return typeof inner === 'string' || (typeof inner === 'object' && inner !== null)
    ? `${name}.${stateText(inner as BoardState)}`
    : name;
}

function kindOf(machine: string): BoardKind | null {
  return machine === 'initiative' || machine === 'phase' || machine === 'task' ? machine : null;
}

function newActor(id: string, kind: BoardKind): BoardActor {
  return {
    id,
    kind,
    parentId: null,
    ordinal: 0,
    key: null,
    title: '',
    renamedBy: 0,
    state: null,
    tags: [],
    attempt: 0,
    agentId: null,
    seq: 0,
    since: null,
  };
}

function nextActor(actor: BoardActor, entry: BoardEntry): BoardActor {
  const state = stateText(entry.state);
  const took = entry.outcome === 'accepted';
  return {
    ...actor,
    ...(took ? claimOf(entry) : {}),
    ...(took ? nameOf(actor, entry) : {}),
    ...(entry.tags.includes('leased') ? {} : { agentId: null }),
    state,
    tags: entry.tags,
    seq: entry.seq,
    since: state === actor.state ? actor.since : entry.at,
  };
}

function claimOf({ type, event }: BoardEntry): Partial<BoardActor> {
  const { agentId, attempt } = event;
  return type === 'task.claim' && typeof agentId === 'string' && typeof attempt === 'number'
    ? { agentId, attempt }
    : {};
}

function nameOf(actor: BoardActor, { type, event, seq }: BoardEntry): Partial<BoardActor> {
  const title = event['title'];
  return type === `${actor.kind}.rename` && typeof title === 'string' ? { title, renamedBy: seq } : {};
}

function eventOf(entry: BoardEntry): BoardEvent {
  const { actorId, seq, type, outcome, principal, at } = entry;
  return { actorId, seq, type, outcome, state: stateText(entry.state), principal, at };
}
