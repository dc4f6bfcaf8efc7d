import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { headRef, phaseBranch } from './branch-names.ts';
import { unknownCode } from './event-answers.ts';
import { pathOf } from './explain/state-path.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import type { Kind } from './shapes/actor.ts';
import { getReview, getSubmission } from './work-store.ts';

/** What a reviewer looks at: a unit, the commits that are served of it, and the tips that they would be landed on. */
export interface ServedReview {
  readonly kind: Kind;
  readonly id: string;
  readonly initiativeId: string;
  readonly round: number;
  /** The name of these heads. */
  readonly digest: string;
  /** Null where the unit has nothing in the project. */
  readonly heads: Heads;
  readonly base: Heads;
}

interface Deps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly runtime: () => Runtime;
}

/** The reviews of tasks, phases and initiatives alike: the one that is open, and those that were served before. */
export class ServedReviews {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Refuses with `unknown_task`, `unknown_phase` or `unknown_initiative`, and with `no_open_review`. */
  async open(kind: Kind, id: string): Promise<{ review: ServedReview; actor: ActorView }> {
    const actor = await this.#actor(kind, id);
    const digest = openDigest(kind, actor);
    const review = digest === null ? null : await this.#served(kind, actor, digest);
    if (review === null) {
      throw new Refusal(
        'no_open_review',
        `this ${kind} has no open review; its state is ${JSON.stringify(actor.state)}`,
      );
    }
    return { review, actor };
  }

  /** What was served under this digest once; null when nothing was. */
  async served(kind: Kind, id: string, digest: string): Promise<ServedReview | null> {
    return this.#served(kind, await this.#actor(kind, id), digest);
  }

  async #actor(kind: Kind, id: string): Promise<ActorView> {
    const actor = await this.#deps.runtime().peek(id);
    if (actor === null || actor.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    return actor;
  }

  async #served(kind: Kind, actor: ActorView, digest: string): Promise<ServedReview | null> {
    const { id, rootId: initiativeId } = actor;
    if (kind === 'task') {
      const submission = await getSubmission(this.#deps.sql, id, digest);
      if (submission === null) return null;
      const round = Number(actor.context['round'] ?? 1);
      const { heads } = submission;
      return { kind, id, initiativeId, round, digest, heads, base: await this.#phaseTips(id) };
    }
    const review = await getReview(this.#deps.sql, id, digest);
    if (review === null) return null;
    const { round, heads, base } = review;
    return { kind, id, initiativeId, round, digest, heads, base };
  }

  /** A task is landed on its phase as that is then: it has no base of its own. */
  async #phaseTips(taskId: string): Promise<Heads> {
    const { plan, hub } = this.#deps;
    const task = await plan.task(taskId);
    const phase = await plan.phase(task.phaseId);
    const initiative = await plan.initiative(task.initiativeId);
    const ref = headRef(phaseBranch(initiative.key, phase.key));
    const tips: Record<string, string | null> = {};
    for (const project of await plan.projectsOfTask(task)) {
      tips[project.key] = await hub.repository(project.id).readTip(ref);
    }
    return tips;
  }
}

/** The states that wait for a decision on what is served. */
const DECIDING: Readonly<Record<Kind, string>> = {
  task: 'pending_review',
  phase: 'pending_review.open',
  initiative: 'pending_review.open',
};

/** The digest of what is reviewed now. What was decided keeps its heads, and a review that is opened anew those of before. */
function openDigest(kind: Kind, { context, state }: ActorView): string | null {
  if (pathOf(state) !== DECIDING[kind]) return null;
  const digest = context[kind === 'task' ? 'submission' : 'heads'];
  return typeof digest === 'string' ? digest : null;
}
