import type { EffectRun } from '../../actors/effects.ts';
import { readReviewHeads } from '../review-heads.ts';
import type { EffectDeps } from './effect-deps.ts';
import { proofOf } from './proof.ts';

/** Asks whether everything that the completed tasks handed in is on the branch of a phase or initiative, as it stands now. */
export function prove(deps: EffectDeps, kind: 'initiative' | 'phase') {
  return async (run: EffectRun) => {
    const { tips } = await readReviewHeads(deps, kind, run.actorId);
    return proofOf(deps, { kind, id: run.actorId }, tips, run.signal);
  };
}
