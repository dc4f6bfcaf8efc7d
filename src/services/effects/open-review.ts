import type { EffectRun } from '../../actors/effects.ts';
import { readReviewHeads } from '../review-heads.ts';
import { serveHeads } from '../serve-heads.ts';
import type { EffectDeps } from './effect-deps.ts';

/** Reads the heads that the review will serve, keeps them, and writes them down under their digest. */
export function openReview(deps: EffectDeps, kind: 'initiative' | 'phase') {
  return async (run: EffectRun) => {
    const round = Number(run.input['round'] ?? 1);
    const now = await readReviewHeads(deps, kind, run.actorId);
    return { digest: await serveHeads(deps, { kind, id: run.actorId, round }, now) };
  };
}
