import { expect } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { git } from '../support/git.ts';
import { until } from '../support/until.ts';
import {
  type ClaimedTask,
  type Pushed,
  unitsOn,
  type ViewedPhase,
  type ViewedTask,
  type World,
} from './world.ts';

/** Before the merge tasks that another initiative waits for, which every agent is offered. */
const firstPriority = 100;

/** What happens around a death. */
export interface Meanwhile {
  /** While the service stands still at the point, still answering requests. */
  readonly beforeDeath?: () => Promise<void>;
  readonly whileDead?: () => Promise<void>;
}

/** An initiative, in yolo mode unless told, beside others in the same world: nobody but its own agents is offered its tasks. */
export class Initiative {
  readonly here: World;
  readonly key: string;
  readonly id: string;
  /** What its agents pushed. */
  readonly pushed: Pushed[] = [];

  private constructor(here: World, key: string, id: string) {
    this.here = here;
    this.key = key;
    this.id = id;
  }

  /** With tasks in the phase `one`, or in several phases by key. */
  static async plan(
    here: World,
    key: string,
    tasks: readonly string[] | Readonly<Record<string, readonly string[]>>,
    mode: 'yolo' | 'review_per_phase' = 'yolo',
  ): Promise<Initiative> {
    const own = { capabilities: [key], priority: firstPriority };
    const phases = Object.entries(Array.isArray(tasks) ? { one: tasks } : tasks).map(([phase, planned]) => ({
      key: phase,
      title: phase,
      tasks: planned.map((task: string) => ({ key: task, title: task, ...own })),
    }));
    return new Initiative(here, key, await here.plan([], { key, mode, phases }));
  }

  /** The branch on which the tasks of its first phase land. */
  get branch(): string {
    return this.phaseBranch('one');
  }

  phaseBranch(phase: string): string {
    return `refs/heads/signalbox/${this.key}/phase/${phase}`;
  }

  /** The branch on which its phases land. */
  get ownBranch(): string {
    return `refs/heads/signalbox/${this.key}/initiative`;
  }

  /** One of its planned tasks; waits until there is one, because until then its agents would be offered what others wait for. */
  async claim(): Promise<ClaimedTask> {
    await until(`a task of ${this.key} is ready`, async () => {
      const { rowCount } = await this.here.database.sql.query(
        `SELECT FROM ready_task WHERE initiative_id = $1 AND priority = $2`,
        [this.id, firstPriority],
      );
      return rowCount > 0;
    });
    return this.here.claim([this.key]);
  }

  async work(claim: ClaimedTask, edit: (dir: string, project: string) => Promise<void>): Promise<void> {
    this.pushed.push(...(await this.here.work(claim, edit)));
  }

  /** In this state, or in one within it. */
  async untilState(state: string): Promise<void> {
    await until(`${this.key} is ${state}`, async () => isIn((await this.here.tree(this.id)).state, state));
  }

  /** Gives the phase once it is in this state, or in one within it. */
  untilPhase(phase: string, state: string): Promise<ViewedPhase> {
    return until(`the phase ${phase} is ${state}`, async () => {
      const { phases } = await this.here.tree(this.id);
      return phases.find(({ key, state: found }) => key === phase && isIn(found, state));
    });
  }

  /** The tasks of a category, in the order in which they were made. */
  async tasksOf(category: string): Promise<ViewedTask[]> {
    const { phases } = await this.here.tree(this.id);
    return phases.flatMap(({ tasks }) => tasks).filter((task) => task.category === category);
  }

  async untilTask({ task }: ClaimedTask, state: string): Promise<void> {
    await until(`the task ${task.key} is ${state}`, async () => {
      const { phases } = await this.here.tree(this.id);
      return phases.flatMap(({ tasks }) => tasks).find(({ id }) => id === task.id)?.state === state;
    });
  }

  async land(claim: ClaimedTask): Promise<void> {
    await this.here.submit(claim);
    await this.untilTask(claim, 'completed');
  }

  /** Hands a task in; the service dies at the point of its landing and is started again. */
  submitAndDie(claim: ClaimedTask, point: BoundaryPoint, meanwhile?: Meanwhile): Promise<BoundaryPoint> {
    return this.#dieOf(`task.land of ${claim.task.id}`, point, () => this.here.submit(claim), meanwhile);
  }

  /** Approves it; the service dies at the point of its delivery and is started again. */
  approveAndDie(point: BoundaryPoint, meanwhile?: Meanwhile): Promise<BoundaryPoint> {
    return this.#dieOf(
      `initiative.deliver of ${this.id}`,
      point,
      () => this.here.approve(this.id),
      meanwhile,
    );
  }

  /** The tips of its branch by project. */
  async tips(): Promise<Record<string, string>> {
    const tips: Record<string, string> = {};
    for (const key of this.here.keys)
      tips[key] = await git(await this.here.hub(key), ['rev-parse', this.branch]);
    return tips;
  }

  /** Nothing is half-done: no intent is open, each of the tasks is on the branch exactly once, and with them all that was pushed. */
  async expectLandedOnce(tasks: readonly string[]): Promise<void> {
    await this.expectMerged(tasks);
    for (const key of this.here.keys)
      expect(await this.#missing(await this.here.hub(key), key, this.branch)).toBe('0');
  }

  /** No intent is open, and these tasks are what was merged into the branch, each of them once. */
  async expectMerged(tasks: readonly string[]): Promise<void> {
    const { rows } = await this.here.database.sql.query(`SELECT FROM landing_intent WHERE state = 'open'`);
    expect(rows).toHaveLength(0);
    for (const key of this.here.keys)
      expect(await this.#units(await this.here.hub(key), this.branch)).toEqual(this.#unitsOf(tasks));
  }

  /** The default branch of every remote has the tasks, their phase and the initiative, each merged once, and all that was pushed. */
  async expectDeliveredOnce(tasks: readonly string[]): Promise<void> {
    const main = 'refs/heads/main';
    for (const key of this.here.keys) {
      const remote = this.here.remote(key);
      expect(await this.#units(remote, main)).toEqual([
        `initiative ${this.key}`,
        `phase ${this.key}/one`,
        ...this.#unitsOf(tasks),
      ]);
      expect(await this.#missing(remote, key, main)).toBe('0');
      expect(await git(await this.here.hub(key), ['rev-parse', main])).toBe(
        await git(remote, ['rev-parse', main]),
      );
    }
  }

  /** All that was pushed is held by some ref of the hub. */
  async expectNothingLost(): Promise<void> {
    for (const key of this.here.keys)
      expect(await this.#missing(await this.here.hub(key), key, '--all')).toBe('0');
  }

  #unitsOf(tasks: readonly string[]): string[] {
    return tasks.map((task) => `task ${this.key}/one/${task}`).toSorted();
  }

  /** What was merged there for this initiative. */
  async #units(dir: string, branch: string): Promise<string[]> {
    const units = await unitsOn(dir, branch);
    return units.filter((unit) => `${unit}/`.includes(` ${this.key}/`));
  }

  /** How many of the commits pushed to a project, and of those below them, are not in these refs. */
  #missing(dir: string, project: string, refs: string): Promise<string> {
    const commits = this.pushed.filter((pushed) => pushed.project === project).map(({ commit }) => commit);
    return git(dir, ['rev-list', '--count', ...commits, '--not', refs]);
  }

  async #dieOf(
    run: string,
    point: BoundaryPoint,
    begin: () => Promise<void>,
    { beforeDeath, whileDead }: Meanwhile = {},
  ): Promise<BoundaryPoint> {
    const { service } = this.here;
    if (service === null) throw new Error('there is no service to kill');
    service.killAt({ point, ...(beforeDeath === undefined ? {} : { meanwhile: beforeDeath }) });
    await begin();
    const killedAt = await service.killed();
    // What the dead service was running is this, and nothing else.
    const { rows } = await this.here.database.sql.query<{ run: string }>(
      `SELECT kind || ' of ' || actor_id AS run FROM effect WHERE state = 'running'`,
    );
    expect(rows).toEqual([{ run }]);
    await whileDead?.();
    await this.here.start();
    return killedAt;
  }
}

function isIn(found: unknown, state: string): boolean {
  return found === state || (typeof found === 'object' && found !== null && Object.hasOwn(found, state));
}
