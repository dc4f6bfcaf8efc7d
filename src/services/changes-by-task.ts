import type { Sql } from '../actors/sql.ts';
import type { ChangedFile } from '../git/changed-files.ts';
import { changedNames } from '../git/changed-names.ts';
import type { Hub } from '../git/hub.ts';
import { BoundedCache } from './bounded-cache.ts';
import { landedChanges, type TaskLanding } from './landed-changes.ts';
import { conflictedUnit, mergeRef } from './merge-heads.ts';
import type { PlanStore } from './plan-store.ts';
import type { ComparedProject } from './review-comparison.ts';
import type { ServedReview } from './served-reviews.ts';
import type { TaskBehind } from './shapes/review-files.ts';

interface ProjectLanding extends TaskLanding {
  readonly project: string;
}

interface LandingRow {
  readonly task: string;
  readonly project: string;
  readonly before: string;
  readonly after: string;
}

/** The tasks that changed a name, by name; names as `changedNames` gives them. */
type Changers = ReadonlyMap<string, readonly string[]>;

/** How many names are remembered, of all units together. */
const MAX_NAMES = 200_000;
/** With more commits than this between base and head, landings that are not in it are not told apart. */
const MAX_COMMITS = 50_000;

/** Finds the tasks behind a changed file: those whose landings changed it, or whose commits a merge task landed. */
export class ChangesByTask {
  readonly #sql: Sql;
  readonly #hub: Hub;
  readonly #plan: PlanStore;
  readonly #changers = new BoundedCache<Changers>(MAX_NAMES, (changers) => changers.size);

  constructor({ sql, hub, plan }: { sql: Sql; hub: Hub; plan: PlanStore }) {
    this.#sql = sql;
    this.#hub = hub;
    this.#plan = plan;
  }

  /** For each of these projects, by key, what says which tasks are behind a file of it. */
  async behind(
    review: ServedReview,
    projects: readonly ComparedProject[],
  ): Promise<ReadonlyMap<string, (file: ChangedFile) => TaskBehind[]>> {
    const tasks = await this.#tasks(review);
    if (review.kind === 'task') return new Map(projects.map(({ project }) => [project.key, () => tasks]));
    const landings = projects.length === 0 ? [] : await this.#landings(review);
    const byProject = new Map<string, (file: ChangedFile) => TaskBehind[]>();
    for (const compared of projects) {
      const own = landings.filter(({ project }) => project === compared.project.id);
      const changers = await this.#changersOf(review, compared, own);
      byProject.set(compared.project.key, (file) => {
        const ids = new Set(namesOf(file).flatMap((name) => changers.get(name) ?? []));
        return tasks.filter(({ id }) => ids.has(id));
      });
    }
    return byProject;
  }

  /** Nothing lands on a branch that is in review, so a head and what it is compared with name the landings between them. */
  #changersOf(
    review: ServedReview,
    { project, range, without }: ComparedProject,
    landings: readonly TaskLanding[],
  ): Promise<Changers> {
    const head = range?.to;
    if (head === undefined || landings.length === 0) return Promise.resolve(new Map());
    return this.#changers.get(`${review.id} ${project.id} ${without} ${head}`, async () => {
      const repository = this.#hub.repository(project.id);
      const commits = await repository.commitsBetween(without === null ? [] : [without], head, MAX_COMMITS);
      const shown = new Set(commits);
      // Not those of a phase that never came here, and not those that were there before.
      const inside = (await landedChanges(repository, landings)).filter(
        ({ pairs: [{ after }] }) => commits.length === MAX_COMMITS || shown.has(after),
      );
      const names = await changedNames(
        repository,
        inside.flatMap(({ pairs }) => pairs),
      );
      const changers = new Map<string, string[]>();
      let at = 0;
      for (const { task, pairs } of inside) {
        const [changed = new Set<string>(), ...others] = names.slice(at, at + pairs.length);
        at += pairs.length;
        for (const name of changed) {
          if (!others.every((other) => other.has(name))) continue;
          const known = changers.get(name);
          if (known === undefined) changers.set(name, [task]);
          else known.push(task);
        }
      }
      return changers;
    });
  }

  /** In the order of the plan. */
  async #tasks({ kind, id }: ServedReview): Promise<TaskBehind[]> {
    const { rows } = await this.#sql.query<TaskBehind>(
      `SELECT t.id, t.key, coalesce(r.title, t.title) AS title
         FROM task t JOIN phase p ON p.id = t.phase_id LEFT JOIN renamed r ON r.unit_id = t.id
        WHERE ${unitColumn[kind]} = $1 ORDER BY p.ordinal, t.ordinal`,
      [id],
    );
    return rows;
  }

  /** By the journals of the tasks: a landing is closed in the turn that takes its result, and no index finds it by its task. */
  async #landings({ kind, id }: ServedReview): Promise<ProjectLanding[]> {
    const { rows } = await this.#sql.query<LandingRow>(
      `SELECT DISTINCT t.id AS task, i.project_id AS project, i.before_oid AS before, i.after_oid AS after
         FROM task t JOIN journal j ON j.actor_id = t.id JOIN landing_intent i ON i.effect_id = j.effect_id
        WHERE ${unitColumn[kind]} = $1 AND i.state = 'closed' AND i.outcome = 'done' AND i.before_oid <> i.after_oid`,
      [id],
    );
    return Promise.all(
      rows.map(async (row) => {
        const task = await this.#plan.task(row.task);
        const resolved = task.conflictOf === 'task' ? conflictedUnit(task) : null;
        return { ...row, mergeRef: await mergeRef(this.#plan, task), resolved };
      }),
    );
  }
}

const unitColumn = { task: 't.id', phase: 't.phase_id', initiative: 't.initiative_id' } as const;

/** A renamed file may have been changed under either name. */
function namesOf({ path, oldPath }: ChangedFile): string[] {
  return [path, ...(oldPath === null ? [] : [oldPath])].map((name) => name.toString('latin1'));
}
