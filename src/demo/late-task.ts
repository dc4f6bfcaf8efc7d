import type { PhaseOnBoard } from '../board/board-view.ts';
import type { Client } from './client.ts';
import type { Scenario } from './plan.ts';

/** While the reviewer reads a phase, the operator adds a task to it: commits come after those that were read. */
export class LateTask {
  readonly #client: Client;
  readonly #late: Scenario['late'];
  readonly #say: (line: string) => void;
  #isAdded = false;

  /** `client` is an operator's. */
  constructor(client: Client, late: Scenario['late'], say: (line: string) => void) {
    this.#client = client;
    this.#late = late;
    this.#say = say;
  }

  /** Whether the task was added to this phase just now. Throws `RefusedError` if the phase does not take it. */
  async comesTo({ id, key }: PhaseOnBoard): Promise<boolean> {
    if (this.#isAdded || key !== this.#late.phase) return false;
    await this.#client.addTask(id, this.#late.task);
    this.#isAdded = true;
    this.#say(`while the reviewer reads ${key}, the operator adds the task ${key}/${this.#late.task.key}`);
    return true;
  }

  /** Whether the commits of the task are on the branch of its phase. */
  hasLanded({ tasks }: PhaseOnBoard): boolean {
    return tasks.some(({ key, state }) => key === this.#late.task.key && state === 'completed');
  }
}
