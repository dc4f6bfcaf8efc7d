import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stateText } from '../../src/board/apply-entry.ts';
import { createBoard, emptyBoard } from '../../src/board/board.ts';
import type { Board, BoardEntry, BoardTree } from '../../src/board/board-types.ts';
import { boardView, hasUnnamed } from '../../src/board/board-view.ts';

const TREE: BoardTree = {
  id: 'ini',
  key: 'demo',
  title: 'Demo',
  phases: [
    { id: 'p2', key: 'docs', title: 'Docs', ordinal: 2, tasks: [] },
    {
      id: 'p1',
      key: 'core',
      title: 'Core',
      ordinal: 1,
      tasks: [
        { id: 't2', key: 'two', title: 'Two', ordinal: 2 },
        { id: 't1', key: 'one', title: 'One', ordinal: 1 },
      ],
    },
  ],
};

function entry(actorId: string, seq: number, over: Partial<BoardEntry> = {}): BoardEntry {
  const machine = actorId === 'ini' ? 'initiative' : actorId.startsWith('p') ? 'phase' : 'task';
  return {
    actorId,
    machine,
    cursor: `after ${actorId} ${seq}`,
    rootId: 'ini',
    seq,
    type: 'something',
    event: {},
    outcome: 'accepted',
    state: 'queued',
    tags: ['waiting'],
    principal: 'system',
    at: `2026-01-01T00:00:${String(seq).padStart(2, '0')}Z`,
    ...over,
  };
}

const JOURNAL: readonly BoardEntry[] = [
  entry('ini', 1),
  entry('p1', 1),
  entry('t1', 1, { tags: ['claimable'] }),
  entry('t2', 1, { tags: ['claimable'] }),
  entry('ini', 2, { state: 'in_progress', tags: ['busy'] }),
  entry('t1', 2, {
    type: 'task.claim',
    event: { agentId: 'ann', attempt: 1 },
    state: { in_progress: 'working' },
    tags: ['leased', 'busy'],
  }),
  entry('t2', 2, { type: 'task.rename', event: { title: 'Second' }, tags: ['claimable'] }),
  entry('t1', 3, { type: 'task.submit', state: 'merging', tags: ['busy'] }),
  entry('t1', 4, {
    type: 'task.claim',
    outcome: 'ignored',
    event: { agentId: 'bob', attempt: 9 },
    state: 'merging',
    tags: ['busy'],
  }),
  entry('t1', 5, { state: 'completed', tags: ['settled'] }),
];

function boardOf(entries: readonly BoardEntry[], from: Board = emptyBoard('ini')): Board {
  const board = createBoard(from);
  board.trigger.named({ tree: TREE });
  for (const one of entries) board.trigger.fed({ entries: [one] });
  return board.getSnapshot().context;
}

describe('the board', () => {
  test('shows phases and tasks in the order of the plan, with the state the journal left them in', () => {
    const view = boardView(boardOf(JOURNAL));
    expect(view.initiative).toMatchObject({ key: 'demo', state: 'in_progress', tags: ['busy'] });
    expect(view.phases.map((phase) => [phase.key, phase.state])).toEqual([
      ['core', 'queued'],
      ['docs', null],
    ]);
    expect(view.phases[0]?.tasks.map((task) => [task.key, task.state])).toEqual([
      ['one', 'completed'],
      ['two', 'queued'],
    ]);
  });

  test('counts tasks by their tags', () => {
    const view = boardView(boardOf(JOURNAL));
    expect(view.counts).toEqual({ total: 2, settled: 1, busy: 0, waiting: 1, needsYou: 0 });
    expect(view.phases[1]?.counts.total).toBe(0);
    const stuck = entry('t2', 3, { state: 'failed', tags: ['needs_you'] });
    expect(boardView(boardOf([...JOURNAL, stuck])).phases[0]?.counts.needsYou).toBe(1);
  });

  test('comes to the same from the beginning and from any board that was kept with its cursor', () => {
    const whole = boardOf(JOURNAL);
    fc.assert(
      fc.property(fc.nat({ max: JOURNAL.length }), (cut) => {
        const kept = structuredClone(boardOf(JOURNAL.slice(0, cut)));
        expect(boardOf(JOURNAL.slice(cut), kept)).toEqual(whole);
      }),
    );
  });

  test('comes to the same whether entries come one by one or in pages', () => {
    const board = createBoard(emptyBoard('ini'));
    board.trigger.fed({ entries: JOURNAL });
    board.trigger.named({ tree: TREE });
    expect(boardView(board.getSnapshot().context).phases[0]?.tasks[0]).toEqual(
      boardView(boardOf(JOURNAL)).phases[0]?.tasks[0],
    );
  });

  test('does not change when entries come again', () => {
    const once = boardOf(JOURNAL);
    expect(boardOf([...JOURNAL, ...JOURNAL])).toEqual(once);
  });

  test('says where the feed goes on', () => {
    expect(emptyBoard('ini').cursor).toBeNull();
    expect(boardOf(JOURNAL).cursor).toBe('after t1 5');
  });

  test('names the agent of a task for as long as the lease lasts', () => {
    const claimed = boardOf(JOURNAL.slice(0, 6)).actors['t1'];
    expect(claimed).toMatchObject({ agentId: 'ann', attempt: 1, state: 'in_progress.working' });
    expect(boardOf(JOURNAL).actors['t1']).toMatchObject({ agentId: null, attempt: 1 });
  });

  test('takes nothing from an entry that was ignored, and keeps the time through one that stays in the state', () => {
    const ignored = boardOf(JOURNAL.slice(0, 9)).actors['t1'];
    expect(ignored).toMatchObject({ state: 'merging', attempt: 1, agentId: null, seq: 4 });
    const stayed = boardOf(JOURNAL).actors['t2'];
    expect(stayed).toMatchObject({ seq: 2, since: '2026-01-01T00:00:01Z' });
  });

  test('takes a new title from the journal', () => {
    const board = createBoard(emptyBoard('ini'));
    board.trigger.named({ tree: TREE });
    board.trigger.fed({ entries: JOURNAL });
    expect(board.getSnapshot().context.actors['t2']?.title).toBe('Second');
  });

  test('asks for the tree when something was made that nothing has named', () => {
    const before = boardOf(JOURNAL);
    expect(hasUnnamed(before)).toBe(false);
    const after = boardOf([...JOURNAL, entry('t3', 1)]);
    expect(hasUnnamed(after)).toBe(true);
    expect(boardView(after).phases[0]?.tasks).toHaveLength(2);
  });

  test('leaves other initiatives and other machines out', () => {
    const foreign = [entry('t9', 1, { rootId: 'other' }), entry('x1', 1, { machine: 'lane' })];
    expect(Object.keys(boardOf(foreign).actors)).toEqual(Object.keys(boardOf([]).actors));
    const board = createBoard(emptyBoard('ini'));
    board.trigger.named({ tree: { ...TREE, id: 'other' } });
    expect(board.getSnapshot().context.actors).toEqual({});
  });

  test('keeps the newest hundred events, oldest first', () => {
    const many = Array.from({ length: 130 }, (_, at) => entry('t1', at + 1));
    const { events } = boardOf(many);
    expect(events).toHaveLength(100);
    expect(events[0]?.seq).toBe(31);
    expect(events.at(-1)?.seq).toBe(130);
  });
});

describe('the text of a state', () => {
  test.each([
    ['queued', 'queued'],
    [{ in_progress: 'asking' }, 'in_progress.asking'],
    [{ a: { b: 'c' } }, 'a.b.c'],
    [{ a: {} }, 'a.'],
    [{ a: null }, 'a'],
  ])('of %j is %j', (state, text) => {
    expect(stateText(state)).toBe(text);
  });
});
