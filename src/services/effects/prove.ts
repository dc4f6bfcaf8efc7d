import type { EffectRun } from '../../actors/effects.ts';
import { branchTips } from '../review-heads.ts';
import type { EffectDeps } from './effect-deps.ts';
import { proofOf } from './proof.ts';

/** Asks whether everything that the completed tasks handed in is on the branch of a phase or initiative, as it stands now. */
export function prove(deps: EffectDeps, kind: 'initiative' | 'phase') {
  return async (run: EffectRun) =>
    proofOf(deps, { kind, id: run.actorId }, await branchTips(deps, kind, run.actorId), run.signal);
}
