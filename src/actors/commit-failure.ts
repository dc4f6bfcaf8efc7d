import { inabilityToWrite } from './sql-error.ts';

/** Why commits wait, in the words of the server. */
export interface CommitFailure {
  /** When it was first said; no commit has succeeded since. */
  readonly since: Date;
  readonly sqlstate: string;
  readonly message: string;
}

/** Remembers that the server could not write, until it has written again. The first failure is kept, so that its words stand still. */
export class CommitFailureMemory {
  #failure: CommitFailure | null = null;

  get current(): CommitFailure | null {
    return this.#failure;
  }

  /** Only what the server says of itself counts: a lost connection or a deadlock is over with the next try. */
  note(thrown: unknown): void {
    const fault = inabilityToWrite(thrown);
    if (fault !== null) this.#failure ??= { since: new Date(), sqlstate: fault.code, message: fault.message };
  }

  clear(): void {
    this.#failure = null;
  }
}
