import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createBoard, emptyBoard } from '../../src/board/board.ts';
import type { BoardEntry, BoardTree } from '../../src/board/board-types.ts';
import { boardView, type BoardView } from '../../src/board/board-view.ts';
import { type Frame, render } from '../../src/demo/render.ts';
import { openScreen, type Output } from '../../src/demo/screen.ts';

const FRAME: Frame = {
  columns: 80,
  rows: 40,
  elapsedMs: 12345,
  notes: ['killed the service'],
  agentName: (id) => `agent ${id}`,
  paint: (_color, text) => text,
};

function entry(actorId: string, machine: string, over: Partial<BoardEntry>): BoardEntry {
  return {
    cursor: 'c',
    actorId,
    machine,
    rootId: 'ini',
    seq: 1,
    type: 'x',
    event: {},
    outcome: 'accepted',
    state: 'queued',
    tags: ['waiting'],
    principal: 'system',
    at: '2026-01-01T00:00:00Z',
    ...over,
  };
}

/** Three phases with `tasks` tasks each: all of the first settled, all of the second claimed, the third waiting. */
function viewOf(tasks: number): BoardView {
  const tree: BoardTree = {
    id: 'ini',
    key: 'demo',
    title: 'Demo',
    phases: ['one', 'two', 'three'].map((key, at) => ({
      id: key,
      key,
      title: key,
      ordinal: at + 1,
      tasks: Array.from({ length: tasks }, (_, n) => ({
        id: `${key}-${n}`,
        key: `task-${n}`,
        title: 'T',
        ordinal: n + 1,
      })),
    })),
  };
  const board = createBoard(emptyBoard('ini'));
  board.trigger.named({ tree });
  const states: Partial<BoardEntry>[] = [
    { state: 'completed', tags: ['settled'] },
    {
      type: 'task.claim',
      event: {
        agentId: 'a1',
        attempt: 2,
      },
      state: { in_progress: 'working' },
      tags: ['leased', 'busy'],
    },
    {},
  ];
  const entries = tree.phases.flatMap((phase, at) => [
    entry(phase.id, 'phase', {}),
    ...phase.tasks.map(({ id }) => entry(id, 'task', states[at] ?? {})),
  ]);
  board.trigger.fed({
    entries: [entry('ini', 'initiative', { state: 'in_progress', tags: ['busy'] }), ...entries],
  });
  return boardView(board.getSnapshot().context);
}

describe('the drawn board', () => {
  test('shows the counts, every task with its state and agent, and what the demo did', () => {
    expect(render([viewOf(2)], FRAME)).toEqual([
      'Signalbox demo  12 s  2 of 6 tasks done, 2 busy',
      '',
      'demo             in_progress',
      '  one            [############] 2/2  queued',
      '    + task-0       completed',
      '    + task-1       completed',
      '  two            [............] 0/2  queued',
      '    > task-0       in_progress.working  agent a1  attempt 2',
      '    > task-1       in_progress.working  agent a1  attempt 2',
      '  three          [............] 0/2  queued',
      '    . task-0       queued',
      '    . task-1       queued',
      '',
      '  killed the service',
    ]);
  });

  test('shows initiatives one after the other, and counts them together', () => {
    const lines = render([viewOf(1), viewOf(1)], FRAME);
    expect(lines[0]).toBe('Signalbox demo  12 s  2 of 6 tasks done, 2 busy');
    expect(lines.filter((line) => line.startsWith('demo '))).toHaveLength(2);
  });

  test('leaves tasks out where a window is too low, those that move last', () => {
    const lines = render([viewOf(4)], { ...FRAME, rows: 13 }).join('\n');
    expect(lines).toContain('> task-0');
    expect(lines).not.toContain('+ task-0');
    expect(render([viewOf(40)], { ...FRAME, rows: 13 }).join('\n')).not.toContain('task-0');
  });

  test('fits every window', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.nat({ max: 120 }), fc.nat({ max: 30 }), (rows, columns, tasks) => {
        const lines = render([viewOf(tasks)], { ...FRAME, rows, columns });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      }),
      { numRuns: 50 },
    );
  });
});

const LIVE = { isColored: true, isPlain: false };

class FakeTerminal implements Output {
  readonly isTTY: boolean;
  columns = 80;
  rows = 24;
  text = '';
  readonly listeners = new Set<() => void>();

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  on(_event: 'resize', listener: () => void): void {
    this.listeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.listeners.delete(listener);
  }

  /** What was written since the last look. */
  look(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

describe('the screen', () => {
  test('hides the cursor on a terminal and gives it back, once', () => {
    const terminal = new FakeTerminal(true);
    const screen = openScreen(terminal, String, LIVE);
    expect(terminal.look()).toContain('\u001b[?25l');
    screen.draw([viewOf(1)]);
    screen.note('a note');
    terminal.look();
    screen.close();
    const left = terminal.look();
    expect(left).toContain('\u001b[?25h\u001b[?1049l');
    expect(left).toContain('a note\n');
    screen.close();
    screen.draw([viewOf(1)]);
    expect(terminal.look()).toBe('');
    expect(terminal.listeners.size).toBe(0);
  });

  test('is drawn anew in a window of another size', () => {
    const terminal = new FakeTerminal(true);
    const screen = openScreen(terminal, String, { ...LIVE, isColored: false });
    screen.draw([viewOf(5)]);
    terminal.look();
    terminal.rows = 7;
    for (const listener of terminal.listeners) listener();
    expect(terminal.look().split('\n').length).toBeLessThanOrEqual(7);
    screen.close();
  });

  test('says that the service is being started before there is a board', () => {
    const terminal = new FakeTerminal(true);
    const screen = openScreen(terminal, String, { ...LIVE, isColored: false });
    screen.note('starting the service');
    const shown = terminal.look();
    expect(shown).toContain('Signalbox demo  0 s  starting');
    expect(shown).toContain('starting the service');
    expect(shown).not.toContain('tasks');
    screen.close();
  });

  test('shows how the time goes on while nothing else does', () => {
    vi.useFakeTimers();
    try {
      const terminal = new FakeTerminal(true);
      const screen = openScreen(terminal, String, { ...LIVE, isColored: false });
      terminal.look();
      vi.advanceTimersByTime(3_000);
      expect(terminal.look()).toContain('3 s  starting');
      screen.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('clears each line before its text: after one as wide as the window its last letter would go', () => {
    const terminal = new FakeTerminal(true);
    const screen = openScreen(terminal, String, { ...LIVE, isColored: false });
    terminal.columns = 10;
    terminal.look();
    screen.draw([viewOf(1)]);
    expect(terminal.look()).toMatch(/^\u001b\[H\u001b\[KSignalbox \n\u001b\[K\n/u);
    screen.close();
  });

  test('is plain lines on a terminal where that is asked for', () => {
    const terminal = new FakeTerminal(true);
    const screen = openScreen(terminal, String, { ...LIVE, isPlain: true });
    screen.note('a note');
    screen.close();
    expect(terminal.look()).toBe('a note\n');
  });

  test('is plain lines without a terminal, one for each change', () => {
    const output = new FakeTerminal(false);
    const screen = openScreen(output, (id) => `agent ${id}`, LIVE);
    screen.draw([viewOf(1)]);
    expect(output.look().split('\n')).toEqual([
      'demo/one/task-0              completed',
      'demo/one                     queued',
      'demo/two/task-0              in_progress.working (agent a1, attempt 2)',
      'demo/two                     queued',
      'demo/three/task-0            queued',
      'demo/three                   queued',
      'demo                         in_progress',
      '',
    ]);
    screen.draw([viewOf(1)]);
    expect(output.look()).toBe('');
    screen.close();
    expect(output.look()).not.toContain('\u001b');
  });
});
