import { randomUUID } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Project } from '../db/entities/project.ts';
import { entitySql } from '../db/entity-sql.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { checkBranchName } from '../git/ref-name.ts';
import { keySchema } from '../machines/payloads.ts';
import { checkedOutReason, isCheckedOut } from './checked-out.ts';
import type { Answered, Caller, ProjectService } from './contracts.ts';
import { gitRefusal } from './git-refusal.ts';
import type { PlanStore } from './plan-store.ts';
import { recallAnswer, withRequest } from './requests.ts';
import type { NewProject, ProjectView } from './shapes/project.ts';

/** The repositories that initiatives deliver to. */
export class Projects implements ProjectService {
  readonly #orm: MikroORM;
  readonly #store: PlanStore;
  readonly #hub: Hub;

  constructor(deps: { orm: MikroORM; store: PlanStore; hub: Hub }) {
    this.#orm = deps.orm;
    this.#store = deps.store;
    this.#hub = deps.hub;
  }

  /**
   * Looks at the remote and clones it before the row is written: a kill in between leaves an unused folder in the hub, which a later
   * start removes, never a project without one. Who loses the key to another request removes its clone.
   */
  async add(wanted: NewProject, caller: Caller): Promise<Answered<ProjectView>> {
    const repeated = await recallAnswer<ProjectView>(entitySql(this.#orm.em.fork()), caller);
    if (repeated !== null) return repeated;
    if (!keySchema.safeParse(wanted.key).success) {
      throw new Refusal(
        'invalid_key',
        'a project key is made of lower-case letters, digits and dashes, at most 63, and does not begin with a dash',
      );
    }
    if ((await this.#store.projects()).some(({ key }) => key === wanted.key)) {
      throw new Refusal('key_taken', `there is a project ${wanted.key} already`);
    }
    const id = randomUUID();
    const probed = await this.#clone(id, wanted);
    try {
      const answered = await this.#orm.em.fork().transactional(async (em) =>
        withRequest<ProjectView>(entitySql(em), caller, async () => {
          const project = em.create(Project, {
            id,
            key: wanted.key,
            remote: wanted.remote,
            defaultBranch: probed.defaultBranch,
            checkedOut: probed.checkedOut,
            createdAt: new Date(),
          });
          await em.flush();
          return projectView(project);
        }),
      );
      if (answered.repeated) await this.#hub.discard(id);
      return answered;
    } catch (error) {
      // Anything else may have been written all the same: the connection can break after the commit.
      const isTaken = (error as { code?: unknown }).code === '23505';
      if (isTaken || error instanceof Refusal) await this.#hub.discard(id);
      if (isTaken) {
        throw new Refusal('key_taken', `there is a project ${wanted.key} already`, { cause: error });
      }
      throw error;
    }
  }

  /** Puts an end to what earlier processes left of projects that were never added; gives the names of the folders. */
  async removeUnusedClones(): Promise<string[]> {
    return this.#hub.removeUnused(async (ids) => {
      const found = await this.#orm.em.fork().find(Project, { id: { $in: [...ids] } });
      return new Set(found.map(({ id }) => id));
    });
  }

  async list(): Promise<ProjectView[]> {
    return (await this.#store.projects()).map((project) => projectView(project));
  }

  async get(key: string): Promise<ProjectView> {
    const project = await this.#store.project(key);
    const checkedOut = await isCheckedOut({ sql: entitySql(this.#orm.em.fork()), hub: this.#hub }, project);
    return projectView(project, checkedOut);
  }

  async #clone(id: string, wanted: NewProject) {
    try {
      if (wanted.defaultBranch !== undefined) checkBranchName(wanted.defaultBranch);
      const probe = await this.#hub.probe(wanted.remote);
      const defaultBranch = wanted.defaultBranch ?? probe.head ?? 'main';
      await this.#hub.ensure({ id, remote: wanted.remote, defaultBranch });
      return { defaultBranch, checkedOut: probe.checkedOut.includes(defaultBranch) };
    } catch (error) {
      throw gitRefusal(error);
    }
  }
}

function projectView(project: Project, checkedOut = project.checkedOut): ProjectView {
  return {
    id: project.id,
    key: project.key,
    remote: project.remote,
    defaultBranch: project.defaultBranch,
    strategies: [
      { strategy: 'push_branch', offered: true, code: null, reason: null },
      checkedOut
        ? {
            strategy: 'merge_and_push',
            offered: false,
            code: 'remote_branch_checked_out',
            reason: checkedOutReason(project),
          }
        : { strategy: 'merge_and_push', offered: true, code: null, reason: null },
    ],
    createdAt: project.createdAt.toISOString(),
  };
}
