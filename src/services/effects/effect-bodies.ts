import type { EffectRegistration, EffectRun } from '../../actors/effects.ts';
import type { JsonValue } from '../../actors/json.ts';
import { hasOpenIntents } from '../../db/intent-store.ts';
import { deliverInitiative } from './deliver.ts';
import type { EffectDeps } from './effect-deps.ts';
import { gitEffect } from './git-effect.ts';
import { landPhase } from './land-phase.ts';
import { landTask } from './land-task.ts';
import { openInitiative, openPhase } from './open-branches.ts';
import { openReview } from './open-review.ts';
import { orPartial, partialWhenSpent } from './partial-delivery.ts';
import { prove } from './prove.ts';
import { syncInitiative } from './sync.ts';
import { prepareRevertOf, pushRevertOf } from './revert.ts';
import { retireInitiative, retirePhase, retireTask } from './retire.ts';

/** What the machines invoke, by name. Each body may run more than once: what it writes is written once. */
export function effectBodies(deps: EffectDeps): Readonly<Record<string, EffectRegistration>> {
  const effect = (body: (run: EffectRun) => Promise<JsonValue>): EffectRegistration => ({
    run: gitEffect(deps.sql, (run) => deps.running.track(body(run))),
  });
  // A landing that has written intents owns its refs: nobody else brings it to an end, so it is rolled forward whatever happens.
  const landing = (body: (run: EffectRun) => Promise<JsonValue>): EffectRegistration => ({
    ...effect(body),
    mustFinish: (effectId) => hasOpenIntents(deps.sql, effectId),
  });
  return {
    'initiative.open': effect(openInitiative(deps)),
    'initiative.prove': effect(prove(deps, 'initiative')),
    'initiative.openReview': effect(openReview(deps, 'initiative')),
    'initiative.deliver': {
      run: orPartial(deps.deliveries, effect(deliverInitiative(deps)).run),
      whenSpent: partialWhenSpent(deps.deliveries),
    },
    'initiative.retire': effect(retireInitiative(deps)),
    'initiative.sync': landing(syncInitiative(deps)),
    'initiative.revert': landing(prepareRevertOf(deps)),
    'initiative.pushRevert': effect(pushRevertOf(deps)),
    'phase.open': effect(openPhase(deps)),
    'phase.prove': effect(prove(deps, 'phase')),
    'phase.openReview': effect(openReview(deps, 'phase')),
    'phase.land': landing(landPhase(deps)),
    'phase.retire': effect(retirePhase(deps)),
    'task.land': landing(landTask(deps)),
    'task.retire': effect(retireTask(deps)),
  };
}
