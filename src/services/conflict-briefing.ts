import type { SqlPool } from '../actors/sql.ts';
import type { Project } from '../db/entities/project.ts';
import type { Task } from '../db/entities/task.ts';
import { commitsTouching } from '../git/commits-touching.ts';
import type { Hub } from '../git/hub.ts';
import type { ConflictStage, MergeEngine } from '../git/merge-engine.ts';
import type { Repository } from '../git/repository.ts';
import type { Heads } from './heads.ts';
import { conflictedUnit, mergeRef } from './merge-heads.ts';
import type { PlanStore } from './plan-store.ts';
import type { ConflictBriefing } from './shapes/conflict.ts';

interface BriefingDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly engine: MergeEngine;
}

type ProjectBriefing = ConflictBriefing['projects'][number];
type Intent = ProjectBriefing['intents'][number];

/** How many files and reasons of one project are listed; git lists the rest. */
const MAX_FILES = 200;
const MAX_INTENTS = 10;

/**
 * What a merge task is about: in each project both commits, each conflict in git's own words with its three stages, why either side
 * changed these files, and the commands that show it all. Merged anew from where the attempt starts, as the agent will find it.
 */
export async function conflictBriefing(
  deps: BriefingDeps,
  task: Task,
  heads: Heads,
  starts: Readonly<Record<string, string>>,
): Promise<ConflictBriefing | null> {
  const [unitId, ref] = [conflictedUnit(task), await mergeRef(deps.plan, task)];
  if (unitId === null || ref === null || task.conflictOf === null || task.conflictOf === undefined)
    return null;
  const projects: ProjectBriefing[] = [];
  for (const project of await deps.plan.projectsOfTask(task)) {
    const [ours, theirs] = [starts[project.key], heads[project.key] ?? null];
    if (ours === undefined || theirs === null) continue;
    projects.push(await projectBriefing(deps, project, { ours, theirs, ref }));
  }
  const units = await unitsOf(deps.sql, [
    unitId,
    ...projects.flatMap(({ intents }) => intents.map(unitIdOf)),
  ]);
  return {
    of: task.conflictOf,
    unit: units.get(unitId) ?? null,
    projects: projects.map((project) => ({
      ...project,
      intents: project.intents.map((intent) => ({ ...intent, unit: units.get(unitIdOf(intent)) ?? null })),
    })),
  };
}

async function projectBriefing(
  { hub, engine }: BriefingDeps,
  project: Project,
  sides: { readonly ours: string; readonly theirs: string; readonly ref: string },
): Promise<ProjectBriefing> {
  const { ours, theirs, ref } = sides;
  const repository = hub.repository(project.id);
  const base = await repository.mergeBase(ours, theirs);
  const merged = await engine.merge(repository, ours, theirs);
  const conflicts = merged.clean ? [] : merged.conflicts;
  const listed = conflicts.slice(0, MAX_FILES);
  const paths = [...new Set(listed.map(({ path }) => path))];
  return {
    project: project.key,
    ours,
    theirs,
    base,
    ref,
    files: listed.map(({ path, type, message, stages }) => ({
      path,
      type,
      message,
      stages: { base: stage(stages[1]), ours: stage(stages[2]), theirs: stage(stages[3]) },
    })),
    moreFiles: conflicts.length - listed.length,
    intents: [
      ...(await intentsOf(repository, 'ours', { base, tip: ours }, paths)),
      ...(await intentsOf(repository, 'theirs', { base, tip: theirs }, paths)),
    ],
    commands: commandsFor(sides, paths),
  };
}

async function intentsOf(
  repository: Repository,
  side: Intent['side'],
  range: { readonly base: string | null; readonly tip: string },
  paths: readonly string[],
): Promise<Intent[]> {
  const commits = await commitsTouching(repository, range, paths, MAX_INTENTS);
  return commits.map(({ oid, author, subject, unitId }) => ({
    side,
    commit: oid,
    author: author.slice(0, 200),
    subject: subject.slice(0, 500),
    unit: unitId === null ? null : { id: unitId, kind: 'task', key: '', title: '', description: '' },
  }));
}

/** In a clone made with the claim's credential; what they need is made of hashes and of keys, which have no special characters. */
function commandsFor(
  { ours, theirs, ref }: { readonly ours: string; readonly theirs: string; readonly ref: string },
  paths: readonly string[],
): string[] {
  return [
    `git fetch origin ${ref}`,
    `git checkout --detach ${ours}`,
    `git merge --no-ff ${theirs}`,
    ...(paths.length === 0 ? [] : ['git ls-files --unmerged', 'git log --merge -p']),
  ];
}

function stage(found: ConflictStage | undefined): { mode: string; blob: string } | null {
  return found === undefined ? null : { mode: found.mode, blob: found.oid };
}

function unitIdOf({ unit }: Intent): string {
  return unit?.id ?? '';
}

/** What people call the units, and want of them. */
async function unitsOf(
  sql: SqlPool,
  ids: readonly string[],
): Promise<ReadonlyMap<string, NonNullable<ConflictBriefing['unit']>>> {
  const { rows } = await sql.query<NonNullable<ConflictBriefing['unit']>>(
    `SELECT u.id, u.kind, u.key, coalesce(r.title, u.title) AS title, left(u.description, 2000) AS description
       FROM (SELECT id, 'task' AS kind, key, title, description FROM task
             UNION ALL SELECT id, 'phase', key, title, description FROM phase
             UNION ALL SELECT id, 'initiative', key, title, description FROM initiative) u
       LEFT JOIN renamed r ON r.unit_id = u.id
      WHERE u.id = ANY($1::uuid[])`,
    [[...new Set(ids)].filter((id) => id !== '')],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
