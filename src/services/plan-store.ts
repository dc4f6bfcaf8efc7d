import type { MikroORM } from '@mikro-orm/postgresql';
import { InitiativeProject } from '../db/entities/initiative-project.ts';
import { Initiative } from '../db/entities/initiative.ts';
import { Phase } from '../db/entities/phase.ts';
import { Project } from '../db/entities/project.ts';
import { Task } from '../db/entities/task.ts';
import { Refusal } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';

/** A project of an initiative, with the way it is delivered. */
export interface LinkedProject {
  readonly project: Project;
  readonly strategy: 'push_branch' | 'merge_and_push';
}

/** Bytes of descriptions, about, of the units that are worked on; what is forgotten is read again. */
const MAX_KNOWN = 16_000_000;
/** What a unit takes beside its description. */
const UNIT_SIZE = 1_000;
const sizeOf = ({ description }: { description: string }): number => UNIT_SIZE + description.length;

/** Reads what people wrote down: plans and projects. Every call has an entity manager of its own. */
export class PlanStore {
  readonly #orm: MikroORM;
  /**
   * Rows of phases and tasks never change and never go: where they stand, and what they are renamed to, is elsewhere. What is kept
   * belongs to no entity manager.
   */
  readonly #phases = new BoundedCache<Phase>(MAX_KNOWN, sizeOf);
  readonly #tasks = new BoundedCache<Task>(MAX_KNOWN, sizeOf);

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  async projects(): Promise<Project[]> {
    return this.#orm.em.fork().find(Project, {}, { orderBy: { key: 'asc' } });
  }

  async project(key: string): Promise<Project> {
    const project = await this.#orm.em.fork().findOne(Project, { key });
    if (project === null) throw new Refusal('unknown_project', `no project has the key ${key}`);
    return project;
  }

  async initiatives(): Promise<Initiative[]> {
    return this.#orm.em.fork().find(Initiative, {}, { orderBy: { createdAt: 'asc', id: 'asc' } });
  }

  async initiative(id: string): Promise<Initiative> {
    const initiative = await this.#orm.em.fork().findOne(Initiative, { id });
    if (initiative === null) throw new Refusal('unknown_initiative', `no initiative has the id ${id}`);
    return initiative;
  }

  phase(id: string): Promise<Phase> {
    return this.#phases.get(id, () => this.#readPhase(id));
  }

  async #readPhase(id: string): Promise<Phase> {
    const phase = await this.#orm.em.fork().findOne(Phase, { id }, { disableIdentityMap: true });
    if (phase === null) throw new Refusal('unknown_phase', `no phase has the id ${id}`);
    return phase;
  }

  task(id: string): Promise<Task> {
    return this.#tasks.get(id, () => this.#readTask(id));
  }

  async #readTask(id: string): Promise<Task> {
    const task = await this.#orm.em.fork().findOne(Task, { id }, { disableIdentityMap: true });
    if (task === null) throw new Refusal('unknown_task', `no task has the id ${id}`);
    return task;
  }

  async phasesOf(initiativeId: string): Promise<Phase[]> {
    return this.#orm.em.fork().find(Phase, { initiativeId }, { orderBy: { ordinal: 'asc' } });
  }

  async tasksOf(phaseId: string): Promise<Task[]> {
    return this.#orm.em.fork().find(Task, { phaseId }, { orderBy: { ordinal: 'asc' } });
  }

  async tasksOfInitiative(initiativeId: string): Promise<Task[]> {
    return this.#orm.em.fork().find(Task, { initiativeId }, { orderBy: { phaseId: 'asc', ordinal: 'asc' } });
  }

  /** The projects of an initiative in the order of their keys. */
  async linkedProjects(initiativeId: string): Promise<LinkedProject[]> {
    const em = this.#orm.em.fork();
    const links = await em.find(InitiativeProject, { initiativeId });
    const projects = await em.find(
      Project,
      { id: { $in: links.map((link) => link.projectId) } },
      { orderBy: { key: 'asc' } },
    );
    return projects.map((project) => {
      const link = links.find(({ projectId }) => projectId === project.id);
      if (link === undefined) throw new Error(`project ${project.key} came without its link`);
      return { project, strategy: link.strategy };
    });
  }

  /** The projects a task works in: those it names, or all of its initiative. */
  async projectsOfTask(task: Task): Promise<Project[]> {
    const linked = await this.linkedProjects(task.initiativeId);
    const named = task.projects;
    return linked
      .map(({ project }) => project)
      .filter((project) => named === null || named === undefined || named.includes(project.key));
  }
}
