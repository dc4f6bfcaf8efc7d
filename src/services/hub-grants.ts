import { timingSafeEqual } from 'node:crypto';
import type { SqlPool } from '../actors/sql.ts';
import { attemptRefs, headRef, lateRef, mergeBranch, phaseBranch, taskBranch } from './branch-names.ts';
import type { HubAccess, HubGrant } from './contracts.ts';
import type { PlanStore } from './plan-store.ts';
import { hashSecret } from './tokens.ts';

interface AttemptRow {
  readonly task_id: string;
  readonly number: number;
  readonly branch: string;
  readonly secret_hash: Buffer;
  readonly live: boolean;
  /** The lease is over, and not for long. */
  readonly late: boolean;
}

/**
 * How long after the end of its lease an attempt may still push work aside: an agent that was cut off (a laptop that slept, a network
 * that was away) comes back within a day, and a credential that leaked later opens nothing.
 */
const LATE_PUSH_HOURS = 24;

/**
 * What a lease opens in a hub: reading what the task needs, and pushing to the one branch of its attempt; for a while after its end
 * only a push that is kept aside. Nothing when the token of its agent is revoked.
 */
export class HubGrants implements HubAccess {
  readonly #sql: SqlPool;
  readonly #plan: PlanStore;

  constructor(deps: { sql: SqlPool; plan: PlanStore }) {
    this.#sql = deps.sql;
    this.#plan = deps.plan;
  }

  async grantFor(
    projectKey: string,
    username: string,
    password: string,
    access: 'fetch' | 'push',
  ): Promise<HubGrant | null> {
    if (!/^[0-9a-f-]{36}$/.test(username)) return null;
    const found = await this.#sql.query<AttemptRow>(
      `SELECT a.task_id, a.number, a.branch, a.secret_hash, coalesce(NOT l.expired, false) AS live,
              coalesce(a.ended_at, l.expires_at, a.created_at) > db_now() - $2 * interval '1 hour' AS late
         FROM attempt a
         JOIN agent g ON g.id = a.agent_id
         JOIN access_token t ON t.id = g.token_id AND t.revoked_at IS NULL
         LEFT JOIN lease l ON l.lease_id = a.lease_id
        WHERE a.lease_id = $1`,
      [username, LATE_PUSH_HOURS],
      'attempt-of-lease',
    );
    const attempt = found.rows[0];
    if (attempt === undefined || !timingSafeEqual(attempt.secret_hash, hashSecret(password))) return null;
    if (!attempt.live && (access === 'fetch' || !attempt.late)) return null;
    const task = await this.#plan.task(attempt.task_id);
    const project = (await this.#plan.projectsOfTask(task)).find(({ key }) => key === projectKey);
    if (project === undefined) return null;
    const ref = headRef(attempt.branch);
    if (!attempt.live) {
      // Its own branch, so that git finds a common commit and need not send everything.
      return {
        projectId: project.id,
        readRefs: [ref],
        push: { mode: 'late', ref, keepAs: lateRef(task.id, attempt.number) },
      };
    }
    const phase = await this.#plan.phase(task.phaseId);
    const initiative = await this.#plan.initiative(task.initiativeId);
    return {
      projectId: project.id,
      readRefs: [
        ref,
        // HEAD names it, and a clone of a repository whose HEAD names something hidden fails.
        headRef(project.defaultBranch),
        headRef(phaseBranch(initiative.key, phase.key)),
        headRef(taskBranch(initiative.key, phase.key, task.key)),
        ...attemptRefs(initiative.key, phase.key, task.key, attempt.number),
        headRef(mergeBranch(initiative.key, phase.key, task.key)),
        ...Array.from({ length: attempt.number }, (_, index) => lateRef(task.id, index + 1)),
      ],
      push: access === 'fetch' ? null : { mode: 'attempt', ref },
    };
  }
}
