import type { JsonObject } from '../actors/json.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { type Agreement, agreementOn, differing, misnamedText, newsText } from './agreed-heads.ts';
import { checkedOutReason, isCheckedOut } from './checked-out.ts';
import { gitRefusal } from './git-refusal.ts';
import { type Heads, headsDigest } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import { readReviewHeads, type ReviewHeads } from './review-heads.ts';
import { serveHeads } from './serve-heads.ts';
import { getReview, getSubmission } from './work-store.ts';

/** What is approved is what was read: heads are compared with what was served and with git, and get their digest. */
export class Approvals {
  readonly #sql: SqlPool;
  readonly #plan: PlanStore;
  readonly #hub: Hub;
  readonly #runtime: () => Runtime;

  constructor(deps: { sql: SqlPool; plan: PlanStore; hub: Hub; runtime: () => Runtime }) {
    this.#sql = deps.sql;
    this.#plan = deps.plan;
    this.#hub = deps.hub;
    this.#runtime = deps.runtime;
  }

  async ofInitiative(actor: ActorView, payload: JsonObject): Promise<JsonObject> {
    await this.#refuseStrategies(actor.id, payload['strategies'] as Readonly<Record<string, string>>);
    return this.#agreed('initiative', actor, payload);
  }

  async ofPhase(actor: ActorView, payload: JsonObject): Promise<JsonObject> {
    return this.#agreed('phase', actor, payload);
  }

  /** The heads of a task are approved under the digest of its submission, which its lease is part of. */
  async ofTask(id: string, payload: JsonObject): Promise<JsonObject> {
    const asked = payload['heads'] as Heads;
    // Read again: what was handed in may be newer than what the request began with, and it may be decided already.
    const actor = await this.#runtime().peek(id);
    if (actor?.next.includes('task.approve') !== true) return { ...payload, digest: headsDigest(asked) };
    const { submission: digest } = actor.context;
    const submission = typeof digest === 'string' ? await getSubmission(this.#sql, id, digest) : null;
    const heads = submission?.heads ?? {};
    if (submission === null || headsDigest(heads) !== headsDigest(asked)) {
      const why = misnamedText(heads, asked);
      throw new Refusal(
        'heads_not_served',
        `these are not the heads that the task has handed in${why === '' ? '' : `: ${why}`}; read its review again`,
        { details: { differs: differing(heads, asked), heads } },
      );
    }
    return { ...payload, digest: submission.digest };
  }

  /** The machine only says that these are not the heads; people are told which differ, and what came after they were served. */
  async refuseUnserved(kind: 'phase' | 'initiative', id: string, payload: JsonObject): Promise<never> {
    const asked = payload['heads'] as Heads;
    const now = await this.#headsNow(kind, id);
    const earlier = await getReview(this.#sql, id, headsDigest(asked));
    const agreement = earlier === null ? null : await this.#agreement(kind, id, earlier);
    const news = agreement === null || agreement.stands ? [] : agreement.news;
    const why = [misnamedText(now, asked), newsText(news)].filter((text) => text !== '').join('; ');
    throw new Refusal(
      'heads_not_served',
      `these are not the heads that the open review serves${why === '' ? '' : `: ${why}`}; read the review again`,
      { details: { differs: differing(now, asked), heads: now, news } },
    );
  }

  /**
   * The machine knows what the review serves. Somebody may have written to the hub beside the service since: what is there now is
   * landed in its place if only the base has moved, and else refused with what is new.
   */
  async #agreed(kind: 'phase' | 'initiative', actor: ActorView, payload: JsonObject): Promise<JsonObject> {
    const digest = headsDigest(payload['heads'] as Heads);
    const served = { ...payload, digest, lands: null, because: null };
    if (!actor.next.includes(`${kind}.approve`) || actor.context['heads'] !== digest) return served;
    const review = await getReview(this.#sql, actor.id, digest);
    if (review === null) return served;
    const agreement = await this.#agreement(kind, actor.id, review);
    if (!agreement.stands) {
      throw new Refusal('heads_moved', `${newsText(agreement.news)}: recheck the review, and read it again`, {
        details: {
          differs: agreement.news.map(({ project }) => project),
          heads: agreement.now.heads,
          news: agreement.news,
        },
      });
    }
    if (agreement.because === null) return served;
    const lands = await serveHeads(
      { sql: this.#sql, plan: this.#plan, hub: this.#hub },
      { kind, id: actor.id, round: review.round },
      { heads: agreement.heads, base: agreement.now.base },
    );
    return { ...served, lands, because: agreement.because };
  }

  async #refuseStrategies(id: string, strategies: Readonly<Record<string, string>>): Promise<void> {
    const linked = await this.#plan.linkedProjects(id);
    const projects = new Map(linked.map(({ project }) => [project.key, project]));
    for (const [key, strategy] of Object.entries(strategies)) {
      const project = projects.get(key);
      if (project === undefined) {
        throw new Refusal('unknown_project', `the initiative has no project ${key}`);
      }
      if (
        strategy === 'merge_and_push' &&
        (await isCheckedOut({ sql: this.#sql, hub: this.#hub }, project))
      ) {
        throw new Refusal('remote_branch_checked_out', checkedOutReason(project));
      }
    }
  }

  async #headsNow(kind: 'phase' | 'initiative', id: string): Promise<Heads> {
    try {
      return (await readReviewHeads({ plan: this.#plan, hub: this.#hub }, kind, id)).heads;
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #agreement(kind: 'phase' | 'initiative', id: string, agreed: ReviewHeads): Promise<Agreement> {
    try {
      return await agreementOn({ plan: this.#plan, hub: this.#hub }, { kind, id }, agreed);
    } catch (error) {
      throw gitRefusal(error);
    }
  }
}
