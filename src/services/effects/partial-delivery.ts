import { EffectFailure, EffectRetryLater, type EffectRun } from '../../actors/effects.ts';
import type { JsonObject, JsonValue } from '../../actors/json.ts';
import { partialDelivery } from '../../git/delivery-partial.ts';
import type { DeliveryStore } from '../../git/delivery-types.ts';

type Deliveries = Pick<DeliveryStore, 'load'>;

/**
 * A delivery that is given up after a remote has got its work is partially delivered, whatever it is given up for: a refusal of git
 * or a remote that was away for too long.
 */
export function orPartial(deliveries: Deliveries, effect: (run: EffectRun) => Promise<JsonValue>) {
  return async (run: EffectRun): Promise<JsonValue> => {
    try {
      return await effect(run);
    } catch (error) {
      if (error instanceof EffectRetryLater || run.signal.aborted || !(error instanceof EffectFailure))
        throw error;
      const partial = await partialOutput(deliveries, run.effectId, `${error.code}: ${error.message}`);
      if (partial === null) throw error;
      return partial;
    }
  };
}

/** The same when it is given up for one fault, one timeout or one death of its process too many. */
export function partialWhenSpent(deliveries: Deliveries) {
  return (effectId: string, { code, message }: JsonObject): Promise<JsonValue> =>
    partialOutput(
      deliveries,
      effectId,
      [code, message].filter((said) => typeof said === 'string').join(': '),
    );
}

async function partialOutput(deliveries: Deliveries, effectId: string, said: string): Promise<JsonValue> {
  const partial = await partialDelivery(deliveries, effectId);
  return partial === null ? null : { result: partial.result, message: said.slice(0, 400) };
}
