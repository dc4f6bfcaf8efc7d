import { randomUUID } from 'node:crypto';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { Task } from '../db/entities/task.ts';
import type { Boundary } from '../git/boundary.ts';
import type { Hub } from '../git/hub.ts';
import type { MergeEngine } from '../git/merge-engine.ts';
import { attemptBranch, headRef, phaseBranch } from './branch-names.ts';
import { keepLease } from './claim-keys.ts';
import { type ChangeRequest, requestedComments, requestOf } from './comment-requests.ts';
import { commentsText } from './comments-text.ts';
import { conflictBriefing } from './conflict-briefing.ts';
import type { ClaimCaller } from './contracts.ts';
import { holdIfOutrun } from './lane-holds.ts';
import { lateWork } from './late-work.ts';
import { pinMergeHeads } from './merge-heads.ts';
import { openMerges } from './open-merges.ts';
import type { PlanStore } from './plan-store.ts';
import { keepReservation, type Reservation } from './ready-tasks.ts';
import type { Claim } from './shapes/agent.ts';
import { bearTaskBranch, findStartPoints, type StartPoints } from './start-points.ts';
import { hashSecret } from './tokens.ts';

/** The attempt that a lease stands for. */
export interface AttemptRow {
  readonly lease_id: string;
  readonly task_id: string;
  readonly number: number;
  readonly agent_id: string;
  readonly branch: string;
  readonly start: StartPoints;
}

export interface ClaimDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly engine: MergeEngine;
  /** The points of a claim at which tests stop it; does nothing in production. */
  readonly boundary: Boundary;
  readonly runtime: () => Runtime;
  /** How long an agent's lease lasts without a heartbeat. */
  readonly leaseSeconds: number;
}

export function heartbeatSeconds(leaseSeconds: number): number {
  return Math.max(1, Math.floor(leaseSeconds / 3));
}

/**
 * Makes the attempt ready in its row and in git, then tells the task. A kill in between leaves a row and branches that the next
 * attempt finds again; nothing is claimed before the task has said so. Null when the task would not have it, when landings move the
 * phase all the time, or when the initiative was paused or the reservation lost meanwhile.
 */
export async function startAttempt(
  deps: ClaimDeps,
  reservation: Reservation,
  agentId: string,
  caller: ClaimCaller,
): Promise<Claim | null> {
  const task = await deps.plan.task(reservation.taskId);
  const leaseId = randomUUID();
  const { initiative, phase } = await family(deps, task);
  const projects = await deps.plan.projectsOfTask(task);
  const of = { task, phase, initiative, projects, attempt: reservation.attempt };
  const start = await findStartPoints(deps, of);
  if (start === null) return null;
  const branch = attemptBranch(initiative.key, phase.key, task.key, reservation.attempt);
  await deps.sql.transaction(async (sql) => {
    await sql.query(
      `INSERT INTO attempt (lease_id, task_id, number, agent_id, initiative_id, secret_hash, branch, start)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        leaseId,
        task.id,
        reservation.attempt,
        agentId,
        task.initiativeId,
        hashSecret(caller.leaseSecret(leaseId)),
        branch,
        JSON.stringify(start),
      ],
    );
    await keepLease(sql, caller, leaseId);
    if (task.category !== 'execute') {
      const ref = headRef(phaseBranch(initiative.key, phase.key));
      // Nobody waits before the task has given the lease.
      await holdIfOutrun(sql, { taskId: task.id, leaseId, ref, projects });
    }
  });
  if (!(await bearTaskBranch(deps.hub, of, start))) return null;
  await deps.boundary('before-claim');
  if (await isPaused(deps.sql, task.initiativeId)) return null;
  if (!(await keepReservation(deps.sql, reservation, agentId))) return null;
  const outcome = await deps.runtime().post(task.id, {
    id: leaseId,
    type: 'task.claim',
    payload: {
      lease: leaseId,
      agentId,
      attempt: reservation.attempt,
      leaseSeconds: deps.leaseSeconds,
    },
    sender: 'service',
    principal: `token:${caller.principal.tokenId}`,
  });
  if (outcome.outcome !== 'accepted' && outcome.outcome !== 'duplicate') return null;
  return describeClaim(
    deps,
    { lease_id: leaseId, task_id: task.id, number: reservation.attempt, agent_id: agentId, branch, start },
    caller,
  );
}

/** All that an agent needs for its attempt; made anew for a repeated claim. */
export async function describeClaim(
  deps: ClaimDeps,
  attempt: AttemptRow,
  caller: ClaimCaller,
): Promise<Claim> {
  const task = await deps.plan.task(attempt.task_id);
  const { initiative, phase } = await family(deps, task);
  const projects = await deps.plan.projectsOfTask(task);
  const actor = await deps.runtime().peek(task.id);
  const request = await requestOf(deps.runtime(), task, phase);
  const summary = await summaryFor(deps.sql, task, request);
  const comments = await requestedComments(deps.sql, request);
  const heads = await pinMergeHeads({ ...deps, actors: deps.runtime }, task);
  const merge = await openMerges(deps, task, attempt.number, heads);
  return {
    task: {
      id: task.id,
      key: task.key,
      title: await titleOf(deps.sql, task),
      description: [task.description, summary, commentsText(comments)]
        .filter((text) => text !== '')
        .join('\n\n'),
      category: task.category,
      initiative: initiative.key,
      phase: phase.key,
      attempt: attempt.number,
    },
    lease: {
      id: attempt.lease_id,
      seconds: deps.leaseSeconds,
      heartbeatSeconds: heartbeatSeconds(deps.leaseSeconds),
    },
    git: { username: attempt.lease_id, password: caller.leaseSecret(attempt.lease_id) },
    branch: attempt.branch,
    projects: projects.flatMap((project) => {
      const start = attempt.start[project.key];
      if (start === undefined) return [];
      return [
        {
          key: project.key,
          url: `${caller.hubUrl}/${project.key}.git`,
          base: start.base,
          startRef: start.startRef,
          merge: merge[project.key] ?? null,
        },
      ];
    }),
    comments,
    conflict: await conflictBriefing(deps, task, heads, startCommits(attempt)),
    late: await lateWork(deps, task, attempt.number),
    limits: {
      attempt: attempt.number,
      maxAttempts: Number(actor?.context['maxAttempts'] ?? attempt.number),
    },
    next: actor?.next ?? [],
  };
}

/**
 * Asked last before the task is told. The lock waits for a pause that is being committed, so that a pause which was answered before
 * this is seen; a claim that has come further counts as made before the pause.
 */
async function isPaused(sql: SqlPool, initiativeId: string): Promise<boolean> {
  const { rows } = await sql.query<{ paused: boolean }>(
    'SELECT paused FROM initiative WHERE id = $1 FOR SHARE',
    [initiativeId],
  );
  return rows[0]?.paused !== false;
}

async function family(deps: ClaimDeps, task: Task) {
  const phase = await deps.plan.phase(task.phaseId);
  const initiative = await deps.plan.initiative(task.initiativeId);
  return { phase, initiative };
}

function startCommits({ start }: AttemptRow): Record<string, string> {
  return Object.fromEntries(Object.entries(start).map(([project, { base }]) => [project, base]));
}

/** The plan's title, or the one it was given since. */
async function titleOf(sql: SqlPool, task: Task): Promise<string> {
  const { rows } = await sql.query<{ title: string }>('SELECT title FROM renamed WHERE unit_id = $1', [
    task.id,
  ]);
  return rows[0]?.title ?? task.title;
}

/** What the reviewer wrote above the comments, where the task does not have it as its own description. */
async function summaryFor(sql: SqlPool, task: Task, request: ChangeRequest | null): Promise<string> {
  if (request === null || request.unitId !== task.id) return '';
  const { rows } = await sql.query<{ summary: string }>(
    `SELECT event ->> 'summary' AS summary FROM journal
      WHERE actor_id = $1 AND type = 'task.requestChanges' AND outcome = 'accepted' ORDER BY seq DESC LIMIT 1`,
    [task.id],
  );
  return rows[0]?.summary ?? '';
}
