import { mapBounded } from './bounded.ts';
import { GitError } from './git-error.ts';
import type { LandingProject, LandingRequest, LandingResult, StopReason } from './landing-types.ts';
import { checkObjectId, checkRefName } from './ref-name.ts';

/** What is to happen in one project, decided from git alone. */
export type Decision =
  | { kind: 'empty' | 'already'; project: LandingProject; tip: string }
  | { kind: 'merge' | 'fast_forward'; project: LandingProject; tip: string; source: string }
  | {
      kind: 'stop';
      project: LandingProject;
      reason: StopReason;
      expected: string | null;
      found: string | null;
    };

export type Move = Extract<Decision, { kind: 'merge' | 'fast_forward' }>;

/** The most serious first: lost work outranks a race that a retry settles. */
const seriousness: readonly StopReason[] = [
  'source_lost',
  'heads_moved',
  'unrelated',
  'not_contained',
  'outrun',
];

/** Throws for a request that git must never see. */
export function checkLandingRequest(request: LandingRequest): void {
  const seen = new Set<string>();
  for (const project of request.projects) {
    if (seen.has(project.projectId))
      throw new TypeError(`project ${project.projectId} is named twice in one landing`);
    seen.add(project.projectId);
    checkRefName(project.sourceRef);
    checkRefName(project.targetRef);
    for (const oid of [project.source, project.pinned, ...(project.mustContain ?? [])])
      if (oid !== null && oid !== undefined) checkObjectId(oid);
  }
}

/** Reads every project's tips and decides what a landing means there. */
export function decideAll(request: LandingRequest): Promise<Decision[]> {
  return mapBounded(request.projects, 8, decide);
}

async function decide(project: LandingProject): Promise<Decision> {
  const { repository, source } = project;
  const tips = await repository.readTips([project.sourceRef, project.targetRef]);
  const tip = tips.get(project.targetRef) ?? null;
  const sourceTip = tips.get(project.sourceRef) ?? null;
  if (tip === null)
    throw new GitError(
      'target_missing',
      `the branch ${project.targetRef} to land on does not exist in the hub`,
    );
  if (source === null) return { kind: 'empty', project, tip };
  const stop = (reason: StopReason, expected: string | null, found: string | null): Decision => ({
    kind: 'stop',
    project,
    reason,
    expected,
    found,
  });

  // A head that was recorded and is gone is lost work, never "nothing to do".
  if (!(await repository.commitExists(source))) return stop('source_lost', source, sourceTip);
  const missing = await firstMissing(project, source);
  if (missing !== null) return stop('not_contained', missing, source);
  const base = await repository.mergeBase(tip, source);
  if (base === source) return { kind: 'already', project, tip };
  if (sourceTip === null) return stop('source_lost', source, null);
  if (
    project.pinned !== undefined
      ? sourceTip !== project.pinned
      : !(await repository.isAncestor(source, sourceTip))
  ) {
    return stop('heads_moved', project.pinned ?? source, sourceTip);
  }
  if (base === null) return stop('unrelated', tip, source);
  if (project.mode === 'fast_forward' && base !== tip) return stop('outrun', source, tip);
  return { kind: project.mode, project, tip, source };
}

async function firstMissing(project: LandingProject, source: string): Promise<string | null> {
  for (const required of project.mustContain ?? []) {
    if (
      !(await project.repository.commitExists(required)) ||
      !(await project.repository.isAncestor(required, source))
    )
      return required;
  }
  return null;
}

/** The one reason a landing stops for, with every project it holds in; null when it may go on. */
export function stopResult(
  decisions: readonly Decision[],
): Extract<LandingResult, { result: StopReason }> | null {
  const stops = decisions.filter((decision) => decision.kind === 'stop');
  const reason = seriousness.find((candidate) => stops.some((stop) => stop.reason === candidate));
  if (reason === undefined) return null;
  return {
    result: reason,
    projects: stops
      .filter((stop) => stop.reason === reason)
      .map(({ project, expected, found }) => ({ projectId: project.projectId, expected, found })),
  };
}

export function movesOf(decisions: readonly Decision[]): Move[] {
  return decisions.filter(isMove);
}

function isMove(decision: Decision): decision is Move {
  return decision.kind === 'merge' || decision.kind === 'fast_forward';
}
