import type { EffectRun } from '../../actors/effects.ts';
import { backupRef } from '../branch-names.ts';
import { headsDigest } from '../heads.ts';
import { readReviewHeads } from '../review-heads.ts';
import { putReview } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';

/** Reads the heads that the review will serve, keeps them from garbage collection, and writes them down under their digest. */
export function openReview(deps: EffectDeps, kind: 'initiative' | 'phase') {
  return async (run: EffectRun) => {
    const { heads, base } = await readReviewHeads(deps, kind, run.actorId);
    const initiativeId =
      kind === 'initiative' ? run.actorId : (await deps.plan.phase(run.actorId)).initiativeId;
    for (const { project } of await deps.plan.linkedProjects(initiativeId)) {
      const head = heads[project.key] ?? null;
      if (head === null) continue;
      await deps.hub
        .repository(project.id)
        .createRefIfMissing(backupRef(run.actorId, `review/${head}`), head);
    }
    const digest = headsDigest(heads);
    const round = Number(run.input['round'] ?? 1);
    await putReview(deps.sql, { unitId: run.actorId, digest, round, heads, base });
    return { digest };
  };
}
