/** Something that must never be so. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

interface Step {
  readonly number: number;
  readonly who: string;
  readonly what: string;
}

/** How many steps a failure shows. */
const SHOWN = 120;

/** What was done and what came of it, counted; and all steps in their order. */
export class History {
  readonly #began = Date.now();
  readonly #counts = new Map<string, number>();
  readonly #steps: string[] = [];

  /** Something happened that a long run has to have seen. */
  count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  step({ number, who, what }: Step): void {
    const [kind] = what.split(' ', 1);
    this.count(what.endsWith(' nothing') ? `nothing to ${kind}` : `step: ${kind}`);
    this.note(`${number} ${who}: ${what}`);
  }

  note(line: string): void {
    this.#steps.push(`${((Date.now() - this.#began) / 1_000).toFixed(1)} s  ${line}`);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get steps(): string {
    return this.#steps.join('\n');
  }

  get lastStep(): string {
    return this.#steps.at(-1) ?? '';
  }

  get lastSteps(): string {
    return this.#steps.slice(-SHOWN).join('\n');
  }
}

/** All counts, of several runs together, by kind. */
export function tally(histories: readonly History[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const { counts } of histories)
    for (const [kind, count] of counts) all.set(kind, (all.get(kind) ?? 0) + count);
  return new Map([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
