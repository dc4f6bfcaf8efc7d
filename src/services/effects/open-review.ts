import type { EffectRun } from '../../actors/effects.ts';
import { readReviewHeads } from '../review-heads.ts';
import { serveHeads } from '../serve-heads.ts';
import type { EffectDeps } from './effect-deps.ts';
import { proofOf } from './proof.ts';

/**
 * Reads the heads that the review will serve, proves the very same, keeps them, and writes them down under their digest. Where
 * something is missing in them nothing is served.
 */
export function openReview(deps: EffectDeps, kind: 'initiative' | 'phase') {
  return async (run: EffectRun) => {
    const round = Number(run.input['round'] ?? 1);
    const unit = { kind, id: run.actorId };
    const now = await readReviewHeads(deps, kind, run.actorId);
    const proof = await proofOf(deps, unit, now.tips, run.signal);
    return { ...proof, digest: proof.proven ? await serveHeads(deps, { ...unit, round }, now) : null };
  };
}
