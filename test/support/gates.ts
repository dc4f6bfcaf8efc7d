import type { Boundary, BoundaryPoint } from '../../src/git/boundary.ts';

/** A landing that has come to a boundary and stands there. */
export interface Held {
  readonly reached: Promise<void>;
  release(): void;
}

/** Stands in for the no-op boundary of production: a test can hold the next landing that comes to a point. */
export class Gates {
  readonly #held = new Map<BoundaryPoint, { arrive: () => void; opened: Promise<void> }>();
  readonly #open: (() => void)[] = [];
  /** Every point that was passed, in order. */
  readonly passed: BoundaryPoint[] = [];

  readonly boundary: Boundary = async (point) => {
    this.passed.push(point);
    const gate = this.#held.get(point);
    if (gate === undefined) return;
    this.#held.delete(point);
    gate.arrive();
    await gate.opened;
  };

  hold(point: BoundaryPoint): Held {
    const arrival = Promise.withResolvers<void>();
    const opening = Promise.withResolvers<void>();
    this.#held.set(point, { arrive: arrival.resolve, opened: opening.promise });
    this.#open.push(opening.resolve);
    return { reached: arrival.promise, release: opening.resolve };
  }

  /** Lets everybody go, so that a service can stop. */
  openAll(): void {
    this.#held.clear();
    for (const open of this.#open.splice(0)) open();
  }
}
