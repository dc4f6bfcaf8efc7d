import type { SqlPool } from '../actors/sql.ts';
import type { Initiative } from '../db/entities/initiative.ts';
import type { Phase } from '../db/entities/phase.ts';
import type { Project } from '../db/entities/project.ts';
import type { Task } from '../db/entities/task.ts';
import type { Boundary } from '../git/boundary.ts';
import type { Hub } from '../git/hub.ts';
import { attemptRefs, headRef, phaseBranch, taskBranch } from './branch-names.ts';

/** Where an attempt begins in one project. */
export interface StartPoint {
  readonly base: string;
  readonly startRef: string;
}

export type StartPoints = Readonly<Record<string, StartPoint>>;

/** The task of an attempt, and what it stands in. */
export interface AttemptOf {
  readonly task: Task;
  readonly phase: Phase;
  readonly initiative: Initiative;
  readonly projects: readonly Project[];
  readonly attempt: number;
}

interface StartDeps {
  readonly sql: SqlPool;
  readonly hub: Hub;
  readonly boundary: Boundary;
}

/** How often the tips are read again because a landing moved them meanwhile. */
const MAX_ROUNDS = 5;

/**
 * Where the attempt starts: a first attempt from the task's branch, which is born from the tips of the phase; a later one from what
 * the last attempt pushed; a review or merge task always from the tips of the phase, where its work goes directly. The tips are those
 * between two landings, in all projects; null while the phase is too busy to say so.
 */
export async function findStartPoints(deps: StartDeps, of: AttemptOf): Promise<StartPoints | null> {
  const { task, phase, initiative, projects } = of;
  const phaseTips = await settledTips(deps, projects, headRef(phaseBranch(initiative.key, phase.key)));
  if (phaseTips === null) return null;
  const intended = task.category === 'execute' ? await firstStart(deps.sql, task.id) : {};
  const start: Record<string, StartPoint> = {};
  for (const project of projects) {
    const tip = phaseTips.get(project.id) ?? missingBranch(project);
    start[project.key] = await startPoint(deps.hub, of, project, intended[project.key]?.base ?? tip, tip);
  }
  return start;
}

async function startPoint(
  hub: Hub,
  { task, phase, initiative, attempt }: AttemptOf,
  project: Project,
  birth: string,
  tip: string,
): Promise<StartPoint> {
  if (task.category !== 'execute') {
    return { base: tip, startRef: headRef(phaseBranch(initiative.key, phase.key)) };
  }
  const own = headRef(taskBranch(initiative.key, phase.key, task.key));
  const earlier = attemptRefs(initiative.key, phase.key, task.key, attempt - 1);
  const tips = await hub.repository(project.id).readTips([own, ...earlier]);
  const last = earlier.find((ref) => (tips.get(ref) ?? null) !== null);
  if (last !== undefined) return { base: tips.get(last) ?? birth, startRef: last };
  return { base: tips.get(own) ?? birth, startRef: own };
}

/**
 * Makes the task's branch where it is missing, once the attempt's row has its start points: a crash halfway leaves branches in some
 * projects, and the next claim takes the commits for the others from that row. False when somebody else gave it another beginning.
 */
export async function bearTaskBranch(
  hub: Hub,
  { task, phase, initiative, projects }: AttemptOf,
  start: StartPoints,
): Promise<boolean> {
  const own = headRef(taskBranch(initiative.key, phase.key, task.key));
  for (const project of projects) {
    const point = start[project.key];
    if (point?.startRef !== own) continue;
    const { tip } = await hub.repository(project.id).createRefIfMissing(own, point.base);
    if (tip !== point.base) return false;
  }
  return true;
}

/** The commits from which the first claim wanted the task's branch to be born. */
async function firstStart(sql: SqlPool, taskId: string): Promise<StartPoints> {
  const { rows } = await sql.query<{ start: StartPoints }>(
    'SELECT start FROM attempt WHERE task_id = $1 AND number = 1 ORDER BY created_at, lease_id LIMIT 1',
    [taskId],
  );
  return rows[0]?.start ?? {};
}

/**
 * The tips of a branch in several projects as they are between two landings. A landing moves one project after the other, so they are
 * read twice, and at a moment between the two no intent may be open: what stands the same before and after that moment is what stood
 * then, when no landing was halfway. Asked after the second reading, a landing could have ended in the meantime. Null when the
 * phase is too busy each time.
 */
async function settledTips(
  { sql, hub, boundary }: StartDeps,
  projects: readonly Project[],
  ref: string,
): Promise<ReadonlyMap<string, string | null> | null> {
  const read = async () => {
    const tips = new Map<string, string | null>();
    for (const { id } of projects) {
      if (tips.size > 0) await boundary('between-tips');
      tips.set(id, await hub.repository(id).readTip(ref));
    }
    return tips;
  };
  for (let round = 0, last = await read(); round < MAX_ROUNDS; round += 1) {
    const isHalfway = await isOwned(sql, projects, ref);
    const tips = await read();
    const isSame = projects.every(({ id }) => tips.get(id) === last.get(id));
    if (isSame && !isHalfway) return tips;
    last = tips;
  }
  return null;
}

async function isOwned(sql: SqlPool, projects: readonly Project[], ref: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `SELECT FROM landing_intent WHERE state = 'open' AND ref = $1 AND project_id = ANY($2::text[]) LIMIT 1`,
    [ref, projects.map(({ id }) => id)],
  );
  return rowCount > 0;
}

function missingBranch(project: Project): never {
  throw new Error(`${project.key} has no branch of the phase`);
}
