import type { SqlPool } from '../actors/sql.ts';
import type { Project } from '../db/entities/project.ts';
import { Refusal } from '../errors.ts';
import { changedSince } from '../git/changed-since.ts';
import { emptyTree } from '../git/empty-tree.ts';
import type { Hub } from '../git/hub.ts';
import type { MergeEngine } from '../git/merge-engine.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { PlanStore } from './plan-store.ts';
import type { ServedReview, ServedReviews } from './served-reviews.ts';
import type { Kind } from './shapes/actor.ts';
import type { Principal } from './shapes/token.ts';
import { sinceReview } from './since-review.ts';

/** Two states of a project, each a commit or a tree. */
export interface Compared {
  readonly from: string;
  readonly to: string;
  /** The comparison also shows what only the base has changed, because it could not be told apart. */
  readonly includesBase: boolean;
}

export interface ComparedProject {
  readonly project: Project;
  /** Null where there is nothing to read. */
  readonly range: Compared | null;
  /** Whatever is contained in this commit is not what is shown: the base, or what was reviewed before. */
  readonly without: string | null;
}

export interface Comparison {
  readonly review: ServedReview;
  /** The digest of the earlier review that this one is compared with. */
  readonly since: string | null;
  /** In the order of their keys. */
  readonly projects: readonly ComparedProject[];
}

export interface ComparisonQuery {
  readonly kind: Kind;
  readonly id: string;
  readonly project?: string | undefined;
  readonly since?: string | undefined;
  readonly principal: Principal;
}

interface Deps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly engine: MergeEngine;
  readonly served: ServedReviews;
}

/** What a reviewer reads of each project: all that the open review serves, or only what is new since an earlier one. */
export class ReviewComparisons {
  readonly #deps: Deps;
  readonly #ranges = new BoundedCache<Compared>(10_000);

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Refuses as `ServedReviews.open` does, and with `unknown_project` and `no_earlier_review`. */
  async compare({ kind, id, project: only, since, principal }: ComparisonQuery): Promise<Comparison> {
    const { plan, served } = this.#deps;
    const { review } = await served.open(kind, id);
    const linked = (await plan.linkedProjects(review.initiativeId)).map(({ project }) => project);
    if (only !== undefined && !linked.some(({ key }) => key === only)) {
      throw new Refusal('unknown_project', `the initiative has no project with the key ${only}`);
    }
    const earlier =
      since === undefined ? null : await sinceReview(this.#deps, { kind, id }, since, principal);
    const projects: ComparedProject[] = [];
    // One after the other: each costs a few gits the first time, and an initiative may have many projects.
    for (const project of linked.toSorted((left, right) => (left.key < right.key ? -1 : 1))) {
      if (only !== undefined && project.key !== only) continue;
      projects.push(await this.#compareProject(project, review, earlier));
    }
    return { review, since: earlier?.digest ?? null, projects };
  }

  async #compareProject(
    project: Project,
    review: ServedReview,
    earlier: ServedReview | null,
  ): Promise<ComparedProject> {
    const [head, base] = headAndBase(review, project);
    const [oldHead, oldBase] = earlier === null ? [null, null] : headAndBase(earlier, project);
    if (head === null) return { project, range: null, without: null };
    // A project that the earlier review did not have is new as a whole.
    const key = [project.id, head, base, oldHead, oldHead === null ? null : oldBase].join(' ');
    const range = await this.#ranges.get(key, () =>
      oldHead === null
        ? this.#whole(project, head, base)
        : this.#new(project, { oldHead, oldBase, newHead: head, newBase: base }),
    );
    return { project, range, without: oldHead ?? base };
  }

  /** What the unit has changed: from where it left its base, or from nothing where it never was on it. */
  async #whole(project: Project, head: string, base: string | null): Promise<Compared> {
    const left = base === null ? null : await this.#deps.hub.repository(project.id).mergeBase(base, head);
    return { from: left ?? emptyTree(head), to: head, includesBase: false };
  }

  async #new(
    project: Project,
    heads: { oldHead: string; oldBase: string | null; newHead: string; newBase: string | null },
  ): Promise<Compared> {
    const { oldHead, oldBase, newHead, newBase } = heads;
    // Without a base on one side, what came in from the other's can not be told from the work.
    if (oldBase === null || newBase === null)
      return { from: oldHead, to: newHead, includesBase: oldBase !== newBase };
    const { hub, engine } = this.#deps;
    return changedSince(hub.repository(project.id), engine, { oldHead, oldBase, newHead, newBase });
  }
}

function headAndBase({ heads, base }: ServedReview, { key }: Project): [string | null, string | null] {
  return [heads[key] ?? null, base[key] ?? null];
}
