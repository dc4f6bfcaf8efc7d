import type { BoardActor } from '../board/board-types.ts';
import type { BoardCounts, BoardView, PhaseOnBoard } from '../board/board-view.ts';
import { printable } from './printable.ts';

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly elapsedMs: number;
  /** What the demo did itself, oldest first. */
  readonly notes: readonly string[];
  /** The name of an agent by its id. */
  readonly agentName: (id: string) => string;
  /** Puts a color around text; says nothing about its width. */
  readonly paint: (color: Color, text: string) => string;
}

export type Color = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

interface Line {
  readonly text: string;
  readonly color: Color | null;
}

const NOTES_SHOWN = 6;

/** The board as lines that fit the window: none is wider than it, and there are no more of them than it has rows. */
export function render(view: BoardView, frame: Frame): string[] {
  const notes = frame.notes.slice(-NOTES_SHOWN).map((note) => line(`  ${note}`, 'dim'));
  const head = [line(summary(view, frame.elapsedMs), 'bold'), line('', null)];
  const room = frame.rows - head.length - notes.length - 1;
  const body = fitting(view.phases, room, frame);
  return [...head, ...body, line('', null), ...notes]
    .slice(0, frame.rows)
    .map(({ text, color }) => painted(text.slice(0, frame.columns), color, frame));
}

function summary({ initiative, counts }: BoardView, elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1_000);
  const needs = counts.needsYou === 0 ? '' : `, ${counts.needsYou} need you`;
  const state = initiative?.state ?? null;
  // What is cut off first in a narrow window comes last.
  const head = `Signalbox demo  ${seconds} s`;
  if (state === null) return `${head}  starting`;
  return `${head}  ${counts.settled} of ${counts.total} tasks done, ${counts.busy} busy${needs}  ${state}`;
}

/** All tasks where there is room for them, else only those of phases that have work going on, else the phases alone. */
function fitting(phases: readonly PhaseOnBoard[], room: number, frame: Frame): Line[] {
  const choices = [
    phases.flatMap((phase) => [phaseLine(phase), ...phase.tasks.map((task) => taskLine(task, frame))]),
    phases.flatMap((phase) => [
      phaseLine(phase),
      ...phase.tasks.filter(isMoving).map((task) => taskLine(task, frame)),
    ]),
    phases.map(phaseLine),
  ];
  return (choices.find((lines) => lines.length <= room) ?? phases.map(phaseLine)).slice(0, Math.max(0, room));
}

function isMoving({ tags }: BoardActor): boolean {
  return tags.includes('busy') || tags.includes('needs_you');
}

function phaseLine({ key, state, tags, counts }: PhaseOnBoard): Line {
  const name = (key ?? '').padEnd(14);
  return line(`${name} ${bar(counts)} ${counts.settled}/${counts.total}  ${state ?? ''}`, colorOf(tags));
}

function taskLine({ key, state, tags, attempt, agentId }: BoardActor, { agentName }: Frame): Line {
  const who = agentId === null ? '' : `  ${agentName(agentId)}`;
  const again = attempt > 1 ? `  attempt ${attempt}` : '';
  return line(`  ${markOf(tags)} ${(key ?? '').padEnd(12)} ${state ?? ''}${who}${again}`, colorOf(tags));
}

const BAR_WIDTH = 12;

function bar({ settled, total }: BoardCounts): string {
  const done = total === 0 ? 0 : Math.round((settled / total) * BAR_WIDTH);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}

function markOf(tags: readonly string[]): string {
  if (tags.includes('settled')) return '+';
  if (tags.includes('needs_you')) return '!';
  return tags.includes('busy') ? '>' : '.';
}

function colorOf(tags: readonly string[]): Color | null {
  if (tags.includes('settled')) return 'green';
  if (tags.includes('needs_you')) return 'red';
  return tags.includes('busy') ? 'yellow' : 'dim';
}

function line(text: string, color: Color | null): Line {
  return { text: printable(text).replaceAll('\n', ' '), color };
}

function painted(text: string, color: Color | null, { paint }: Frame): string {
  return color === null || text === '' ? text : paint(color, text);
}
