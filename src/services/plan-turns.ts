/** Runs alone among all processes for this name; holds a connection to the database meanwhile. */
export type Exclusively = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Changes of one plan take turns, on all replicas: each is checked against the links that the one before it has made, or two at once
 * would make a circle that neither sees. In one process there is one turn at a time: each holds a connection while its event needs
 * another, and many of them would wait for each other for ever.
 */
export class PlanTurns {
  readonly #exclusively: Exclusively;
  #last: Promise<unknown> = Promise.resolve();

  constructor(exclusively: Exclusively) {
    this.#exclusively = exclusively;
  }

  take<T>(initiativeId: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#exclusively(`plan:${initiativeId}`, work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
