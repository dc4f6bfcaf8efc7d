import type { BoardView } from '../board/board-view.ts';

/** Says of each phase of an initiative in mode `yolo` that it was merged, and nobody was asked. */
export class Unasked {
  readonly #say: (line: string) => void;
  readonly #said = new Set<string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  look({ initiative, phases }: BoardView): void {
    for (const { id, key, state } of phases) {
      if (state !== 'completed' || this.#said.has(id)) continue;
      this.#said.add(id);
      this.#say(`${initiative?.key ?? ''}/${key ?? ''} was merged without asking anybody`);
    }
  }
}
