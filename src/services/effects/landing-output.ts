import type { EffectRun } from '../../actors/effects.ts';
import type { JsonObject } from '../../actors/json.ts';
import type { LandingPorts, LandingResult, ProjectConflict } from '../../git/landing-types.ts';
import { putConflict, type ConflictRecord } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';

/** What every landing of this service works with. */
export function landingPorts(deps: EffectDeps, run: EffectRun): LandingPorts {
  return {
    store: deps.intents,
    engine: deps.engine,
    boundary: deps.boundary,
    signal: run.signal,
    log: deps.log,
    repositoryOf: (projectId) => deps.hub.repository(projectId),
  };
}

/** What the machine is told of a landing; the details of a conflict are kept in its row first. */
export async function landingOutput(
  deps: EffectDeps,
  run: EffectRun,
  initiativeId: string,
  landing: LandingResult,
): Promise<JsonObject> {
  if (landing.result === 'landed') return { result: 'landed' };
  const names = await projectNames(deps, initiativeId);
  if (landing.result === 'conflict') {
    await putConflict(deps.sql, run.actorId, run.effectId, conflictRecords(landing.conflicts, names));
    const files = landing.conflicts.flatMap(({ projectId, conflicts }) =>
      conflicts.map(({ path }) => `${names.get(projectId) ?? projectId}:${path}`),
    );
    return {
      result: 'conflict',
      message: `does not merge cleanly: ${[...new Set(files)].join(', ')}`.slice(0, 400),
      projects: landing.conflicts.map(({ projectId }) => names.get(projectId) ?? projectId),
    };
  }
  const where = landing.projects.map(
    ({ projectId, expected, found }) =>
      `${names.get(projectId) ?? projectId} (expected ${short(expected)}, found ${short(found)})`,
  );
  return {
    result: landing.result,
    message: `${landing.result.replaceAll('_', ' ')}: ${where.join(', ')}`.slice(0, 400),
  };
}

export function conflictRecords(
  conflicts: readonly ProjectConflict[],
  names: ReadonlyMap<string, string>,
): ConflictRecord[] {
  return conflicts.map(({ projectId, source, target, conflicts: files }) => ({
    project: names.get(projectId) ?? projectId,
    source,
    target,
    files: files.map(({ path, type, message, stages }) => ({ path, type, message, stages: { ...stages } })),
  }));
}

export async function projectNames(
  deps: Pick<EffectDeps, 'plan'>,
  initiativeId: string,
): Promise<ReadonlyMap<string, string>> {
  const linked = await deps.plan.linkedProjects(initiativeId);
  return new Map(linked.map(({ project }) => [project.id, project.key]));
}

function short(oid: string | null): string {
  return oid === null ? 'nothing' : oid.slice(0, 12);
}
