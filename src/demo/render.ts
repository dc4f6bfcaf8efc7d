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
export function render(views: readonly BoardView[], frame: Frame): string[] {
  const notes = frame.notes.slice(-NOTES_SHOWN).map((note) => line(`  ${note}`, 'dim'));
  const head = [line(summary(views, frame.elapsedMs), 'bold'), line('', null)];
  const room = frame.rows - head.length - notes.length - 1;
  const body = fitting(views, room, frame);
  return [...head, ...body, line('', null), ...notes]
    .slice(0, frame.rows)
    .map(({ text, color }) => painted(text.slice(0, frame.columns), color, frame));
}

function summary(views: readonly BoardView[], elapsedMs: number): string {
  const sum = (count: keyof BoardCounts): number =>
    views.reduce((total, { counts }) => total + counts[count], 0);
  const needs = sum('needsYou') === 0 ? '' : `, ${sum('needsYou')} need you`;
  // What is cut off first in a narrow window comes last.
  const head = `Signalbox demo  ${Math.floor(elapsedMs / 1_000)} s`;
  if (views.length === 0) return `${head}  starting`;
  return `${head}  ${sum('settled')} of ${sum('total')} tasks done, ${sum('busy')} busy${needs}`;
}

/** All tasks where there is room for them, else only those of phases that have work going on, else the phases alone. */
function fitting(views: readonly BoardView[], room: number, frame: Frame): Line[] {
  const drawn = (tasksOf: (phase: PhaseOnBoard) => readonly BoardActor[]): Line[] =>
    views.flatMap(({ initiative, phases }) => [
      ...(initiative === null ? [] : [initiativeLine(initiative)]),
      ...phases.flatMap((phase) => [
        phaseLine(phase),
        ...tasksOf(phase).map((task) => taskLine(task, frame)),
      ]),
    ]);
  const choices = [drawn(({ tasks }) => tasks), drawn(({ tasks }) => tasks.filter(isMoving))];
  return (choices.find((lines) => lines.length <= room) ?? drawn(() => [])).slice(0, Math.max(0, room));
}

function isMoving({ tags }: BoardActor): boolean {
  return tags.includes('busy') || tags.includes('needs_you');
}

function initiativeLine({ key, state, tags }: BoardActor): Line {
  return line(`${(key ?? '').padEnd(16)} ${state ?? ''}`, colorOf(tags));
}

function phaseLine({ key, state, tags, counts }: PhaseOnBoard): Line {
  const name = (key ?? '').padEnd(14);
  return line(`  ${name} ${bar(counts)} ${counts.settled}/${counts.total}  ${state ?? ''}`, colorOf(tags));
}

function taskLine({ key, state, tags, attempt, agentId }: BoardActor, { agentName }: Frame): Line {
  const who = agentId === null ? '' : `  ${agentName(agentId)}`;
  const again = attempt > 1 ? `  attempt ${attempt}` : '';
  return line(`    ${markOf(tags)} ${(key ?? '').padEnd(12)} ${state ?? ''}${who}${again}`, colorOf(tags));
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
