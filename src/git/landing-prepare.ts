import { mapBounded } from './bounded.ts';
import type { StoredIntent } from './intent-store.ts';
import { landingKeepRef } from './keep-refs.ts';
import { buildMergeCommit } from './landing-commit.ts';
import type { Move } from './landing-plan.ts';
import type { LandingRequest, ProjectConflict } from './landing-types.ts';
import type { MergeEngine } from './merge-engine.ts';

export interface CleanMove {
  move: Move;
  /** Null for a fast-forward: the source itself lands. */
  tree: string | null;
}

/** Merges every project in memory, and all of them even after a conflict, so that one answer names every conflict. */
export async function mergeAll(
  moves: readonly Move[],
  engine: MergeEngine,
): Promise<{ clean: CleanMove[]; conflicts: ProjectConflict[] }> {
  const clean: CleanMove[] = [];
  const conflicts: ProjectConflict[] = [];
  const merged = await mapBounded(moves, 2, async (move) => ({
    move,
    outcome:
      move.kind === 'fast_forward'
        ? null
        : await engine.merge(move.project.repository, move.tip, move.source),
  }));
  for (const { move, outcome } of merged) {
    if (outcome === null) clean.push({ move, tree: null });
    else if (outcome.clean) clean.push({ move, tree: outcome.tree });
    else
      conflicts.push({
        projectId: move.project.projectId,
        target: move.tip,
        source: move.source,
        conflicts: outcome.conflicts,
      });
  }
  return { clean, conflicts };
}

/** Builds the commits that are to land. */
export function prepareIntents(
  clean: readonly CleanMove[],
  request: LandingRequest,
): Promise<StoredIntent[]> {
  const { effectId, unit, author } = request;
  return mapBounded(clean, 8, async ({ move, tree }): Promise<StoredIntent> => {
    const { project, source, tip } = move;
    const merge = { before: tip, source, unit, effectId, author, keepRef: landingKeepRef(effectId) };
    const after = tree === null ? source : await buildMergeCommit(project.repository, { ...merge, tree });
    return {
      projectId: project.projectId,
      ref: project.targetRef,
      mode: project.mode,
      source,
      result: tree === null ? 'fast_forwarded' : 'merged',
      before: tip,
      after,
      state: 'prepared',
      outcome: null,
    };
  });
}
