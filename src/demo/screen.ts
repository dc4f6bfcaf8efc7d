import type { BoardView } from '../board/board-view.ts';
import { printable } from './printable.ts';
import { type Color, type Frame, render } from './render.ts';

/** Where the progress of a run is shown. */
export interface Screen {
  /** All initiatives of the run. */
  draw(views: readonly BoardView[]): void;
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** What a screen writes to; `process.stdout` is one. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

export type AgentName = Frame['agentName'];

export interface Look {
  readonly isColored: boolean;
  /** Plain lines on a terminal too. */
  readonly isPlain: boolean;
}

/** Live progress on a terminal, plain lines elsewhere. */
export function openScreen(output: Output, agentName: AgentName, { isColored, isPlain }: Look): Screen {
  return output.isTTY === true && !isPlain
    ? new LiveScreen(output, agentName, isColored)
    : new PlainScreen(output, agentName);
}

const COLORS: Readonly<Record<Color, number>> = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 };
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLOCK_MS = 500;
const HOME = '\u001b[H';
/** Before the text: after a line as wide as the window the cursor still stands on its last letter. */
const CLEAR_LINE = '\u001b[K';
const TO_END_OF_SCREEN = '\u001b[J';

/** Draws on the alternate screen, so that nothing is left of it and a window of another size is simply drawn anew. */
class LiveScreen implements Screen {
  readonly #output: Output;
  readonly #agentName: AgentName;
  readonly #isColored: boolean;
  readonly #started = Date.now();
  readonly #notes: string[] = [];
  readonly #redraw = (): void => this.#show();
  #views: readonly BoardView[] = [];
  #isOpen = true;
  readonly #clock: NodeJS.Timeout;

  constructor(output: Output, agentName: AgentName, isColored: boolean) {
    this.#output = output;
    this.#agentName = agentName;
    this.#isColored = isColored;
    output.on('resize', this.#redraw);
    output.write(ENTER);
    // The time goes on where nothing else does, such as while the service is away.
    this.#clock = setInterval(this.#redraw, CLOCK_MS);
    this.#show();
  }

  draw(views: readonly BoardView[]): void {
    this.#views = views;
    this.#show();
  }

  note(text: string): void {
    this.#notes.push(text);
    this.#show();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#clock);
    this.#output.off('resize', this.#redraw);
    this.#output.write(LEAVE);
    for (const note of this.#notes) this.#output.write(`${printable(note)}\n`);
  }

  #show(): void {
    if (!this.#isOpen) return;
    const lines = render(this.#views, {
      columns: this.#output.columns ?? 80,
      rows: this.#output.rows ?? 24,
      elapsedMs: Date.now() - this.#started,
      notes: this.#notes,
      agentName: this.#agentName,
      paint: (color, text) => (this.#isColored ? `\u001b[${COLORS[color]}m${text}\u001b[0m` : text),
    });
    this.#output.write(HOME + lines.map((text) => CLEAR_LINE + text).join('\n') + TO_END_OF_SCREEN);
  }
}

/** A line for each thing that came to another state. */
class PlainScreen implements Screen {
  readonly #output: Output;
  readonly #agentName: AgentName;
  readonly #shown = new Map<string, string>();

  constructor(output: Output, agentName: AgentName) {
    this.#output = output;
    this.#agentName = agentName;
  }

  draw(views: readonly BoardView[]): void {
    for (const view of views) this.#drawOne(view);
  }

  note(text: string): void {
    this.#output.write(`${printable(text)}\n`);
  }

  close(): void {}

  #drawOne({ initiative, phases }: BoardView): void {
    const top = initiative?.key ?? '';
    for (const phase of phases) {
      const name = `${top}/${phase.key ?? ''}`;
      for (const task of phase.tasks) {
        const who =
          task.agentId === null ? '' : ` (${this.#agentName(task.agentId)}, attempt ${task.attempt})`;
        this.#say(task.id, `${name}/${task.key ?? ''}`, task.state, who);
      }
      this.#say(phase.id, name, phase.state, '');
    }
    if (initiative !== null) this.#say(initiative.id, top, initiative.state, '');
  }

  #say(id: string, name: string, state: string | null, suffix: string): void {
    if (state === null || this.#shown.get(id) === state + suffix) return;
    this.#shown.set(id, state + suffix);
    this.#output.write(
      printable(`${name.padEnd(28)} ${state}${suffix}
`),
    );
  }
}
