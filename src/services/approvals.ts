import type { JsonObject } from '../actors/json.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { checkedOutReason, isCheckedOut } from './checked-out.ts';
import { gitRefusal } from './git-refusal.ts';
import { type Heads, headsDigest } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import { readReviewHeads } from './review-heads.ts';
import { getSubmission } from './work-store.ts';

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
    await this.#refuseMovedHeads('initiative', actor, payload['heads'] as Heads);
    return { ...payload, digest: headsDigest(payload['heads'] as Heads) };
  }

  async ofPhase(actor: ActorView, payload: JsonObject): Promise<JsonObject> {
    await this.#refuseMovedHeads('phase', actor, payload['heads'] as Heads);
    return { ...payload, digest: headsDigest(payload['heads'] as Heads) };
  }

  /** The heads of a task are approved under the digest of its submission, which its lease is part of. */
  async ofTask(id: string, payload: JsonObject): Promise<JsonObject> {
    // Read again: what was handed in may be newer than what the request began with.
    const digest = (await this.#runtime().peek(id))?.context['submission'];
    const submission = typeof digest === 'string' ? await getSubmission(this.#sql, id, digest) : null;
    if (submission === null || headsDigest(submission.heads) !== headsDigest(payload['heads'] as Heads)) {
      throw new Refusal(
        'heads_not_served',
        'these are not the heads that the task has handed in; read the task again',
      );
    }
    return { ...payload, digest: submission.digest };
  }

  /** The machine only says that these are not the heads; people are told which differ. */
  async refuseUnserved(kind: 'phase' | 'initiative', id: string, payload: JsonObject): Promise<never> {
    const now = await this.#headsNow(kind, id);
    throw new Refusal(
      'heads_not_served',
      'these are not the heads that the open review serves; read the review again',
      { details: { differs: differing(now, payload['heads'] as Heads), heads: now } },
    );
  }

  /** The review still serves what it was opened on: somebody has written to the hub beside the service since. */
  async #refuseMovedHeads(kind: 'phase' | 'initiative', actor: ActorView, heads: Heads): Promise<void> {
    if (!actor.next.includes(`${kind}.approve`)) return;
    if (actor.context['heads'] !== headsDigest(heads)) return;
    const now = await this.#headsNow(kind, actor.id);
    const moved = differing(now, heads);
    if (moved.length === 0) return;
    throw new Refusal(
      'heads_moved',
      `${moved.join(', ')} has moved since the review was opened: recheck it, and read the review again`,
      { details: { differs: moved, heads: now } },
    );
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
}

function differing(now: Heads, asked: Heads): string[] {
  return Object.keys(now).filter((key) => (now[key] ?? null) !== (asked[key] ?? null));
}
