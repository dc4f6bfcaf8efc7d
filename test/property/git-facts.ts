import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prove } from '../../src/demo/proof.ts';
import type { InitiativeTree, PhaseView, TaskView } from '../../src/services/shapes/actor.ts';
import type { World } from '../crash/world.ts';
import { git } from '../support/git.ts';
import { BrokenInvariant, type History } from './history.ts';
import type { Accepted, Ledger } from './ledger.ts';

/** What git has to say about what the service shows; plain git on the hub and on the remotes. */
export class GitFacts {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #history: History;

  constructor(world: World, ledger: Ledger, history: History) {
    this.#world = world;
    this.#ledger = ledger;
    this.#history = history;
  }

  /** Every commit whose push or submit was answered well is held by some ref of a hub that is whole. */
  async checkNothingLost(): Promise<void> {
    for (const project of this.#world.keys) {
      const hub = await this.#world.hub(project);
      await git(hub, ['fsck', '--connectivity-only', '--no-dangling']).catch((error: unknown) => {
        throw new BrokenInvariant(`the hub of ${project} is damaged: ${String(error)}`);
      });
      const commits = new Set(
        [...this.#ledger.pushed, ...this.#ledger.accepted, ...this.#ledger.beside]
          .filter((made) => made.project === project)
          .map(({ commit }) => commit),
      );
      await this.#contained(hub, [...commits], '--all', `of ${project} is lost`);
    }
  }

  /** A unit that is shown as completed is where it belongs. */
  async checkTree(tree: InitiativeTree): Promise<void> {
    for (const { key: project, delivery } of tree.projects) {
      const hub = await this.#world.hub(project);
      const top = `refs/heads/${tree.branch}`;
      for (const phase of tree.phases) {
        for (const task of phase.tasks) await this.#checkTask(hub, project, tree, phase, task);
        if (phase.state !== 'completed') continue;
        const name = `${tree.key}/${phase.key}`;
        const branch = `refs/heads/${phase.branch}`;
        const beside = this.#ledger.beside.filter((made) => made.project === project && made.ref === branch);
        // What came on the branch after it was landed is nobody's.
        if (beside.length === 0) await this.#contained(hub, [branch], top, `the phase ${name}`);
        if (tree.mode !== 'review_per_phase') continue;
        const landed = new Set((await git(hub, ['rev-list', top])).split('\n'));
        const commits = beside.map(({ commit }) => commit).filter((commit) => landed.has(commit));
        await this.#checkApproved(
          hub,
          project,
          phase,
          [...commits, ...this.#handedIn(project, phase.tasks)],
          `the phase ${name}`,
        );
      }
      if (
        tree.state !== 'completed' ||
        delivery === null ||
        delivery.branch === null ||
        delivery.sha === null
      )
        continue;
      const landed = tree.phases.filter(({ state }) => state === 'completed').flatMap(({ tasks }) => tasks);
      await this.#checkApproved(
        hub,
        project,
        tree,
        this.#handedIn(project, landed),
        `the initiative ${tree.key}`,
      );
      const delivered = `refs/heads/${delivery.branch}`;
      const tip = await git(hub, ['rev-parse', top]);
      await this.#contained(
        this.#world.remote(project),
        [tip],
        delivered,
        `the initiative ${tree.key} at its remote`,
      );
    }
  }

  /** `scripts/prove.sh` agrees that what agents handed in for a delivered initiative is in what was delivered. */
  async prove(tree: InitiativeTree): Promise<void> {
    const landed = tree.phases.filter(({ state }) => state === 'completed');
    const tasks = landed.flatMap((phase) =>
      phase.tasks
        .filter(({ state }) => state === 'completed')
        .map((task) => ({ task, name: `${phase.key}/${task.key}` })),
    );
    const entries = this.#ledger.accepted.filter(({ taskId }) =>
      tasks.some(({ task }) => task.id === taskId),
    );
    for (const { task, name } of tasks) {
      if (!entries.some(({ taskId }) => taskId === task.id) && !this.#ledger.withoutChanges.has(task.id))
        throw new BrokenInvariant(`${tree.key}/${name} is completed, and nobody handed it in`);
    }
    if (entries.length === 0) return;
    const names = new Set(entries.map(({ task }) => task));
    const folder = await mkdtemp(join(this.#world.folder, 'proof-'));
    await mkdir(join(folder, 'ledgers'));
    await writeFile(join(folder, 'plan'), [...names].join('\n'));
    for (const [agent, lines] of this.#ledger.linesOf(entries))
      await writeFile(join(folder, 'ledgers', agent), `${lines.join('\n')}\n`);
    const delivered = tree.projects
      .filter(({ key }) => entries.some(({ project }) => project === key))
      .map(({ key, delivery }) => ({
        key,
        remote: this.#world.remote(key),
        branch: delivery?.branch ?? 'main',
        seed: '',
      }));
    const proof = await prove(join(folder, 'plan'), join(folder, 'ledgers'), delivered);
    if (!proof.proven || !proof.line.endsWith(' 0 lost'))
      throw new BrokenInvariant(`prove.sh on ${tree.key}: ${proof.line}\n${proof.faults}`);
    this.#history.count('prove.sh: proven');
    this.#history.note(`${tree.key}: ${proof.line}`);
  }

  #handedIn(project: string, tasks: readonly TaskView[]): string[] {
    const ids = new Set(tasks.filter(({ state }) => state === 'completed').map(({ id }) => id));
    return this.#ledger.accepted
      .filter((entry) => entry.project === project && ids.has(entry.taskId))
      .map(({ commit }) => commit);
  }

  /** Nothing of what agents handed in has gone further than what a reviewer agreed to. */
  async #checkApproved(
    hub: string,
    project: string,
    unit: { readonly id: string },
    commits: readonly string[],
    what: string,
  ): Promise<void> {
    if (commits.length === 0) return;
    const heads = this.#ledger.approved
      .filter(({ unitId }) => unitId === unit.id)
      .flatMap((approval) => approval.heads[project] ?? []);
    const there = new Set(heads.length === 0 ? [] : (await git(hub, ['rev-list', ...heads])).split('\n'));
    const unseen = commits.filter((commit) => !there.has(commit));
    if (unseen.length > 0)
      throw new BrokenInvariant(
        `${what} went on with what nobody has approved in ${project}: ${unseen.join(' ')}`,
      );
  }

  async #checkTask(
    hub: string,
    project: string,
    tree: InitiativeTree,
    phase: PhaseView,
    task: TaskView,
  ): Promise<void> {
    if (task.state !== 'completed') return;
    const commits = this.#ledger.accepted
      .filter((entry: Accepted) => entry.taskId === task.id && entry.project === project)
      .map(({ commit }) => commit);
    await this.#contained(
      hub,
      commits,
      `refs/heads/${phase.branch}`,
      `the task ${tree.key}/${phase.key}/${task.key}`,
    );
  }

  /** By the whole list of what is there: a walk that leaves something out can be wrong where a commit is younger than its child. */
  async #contained(dir: string, refs: readonly string[], where: string, what: string): Promise<void> {
    if (refs.length === 0) return;
    const commits = await git(dir, ['rev-parse', ...refs]);
    const there = new Set((await git(dir, ['rev-list', where])).split('\n'));
    const missing = commits.split('\n').filter((commit) => !there.has(commit));
    if (missing.length > 0)
      throw new BrokenInvariant(`${what}: not in ${where} of ${dir}: ${missing.join(' ')}`);
  }
}
