import { EffectFailure, EffectRetryLater, type EffectRun } from '../../actors/effects.ts';
import type { JsonObject, JsonValue } from '../../actors/json.ts';
import { mayHaveArrived, partialDelivery } from '../../git/delivery-partial.ts';
import type { DeliveryStore } from '../../git/delivery-types.ts';

type Deliveries = Pick<DeliveryStore, 'load'>;

/**
 * A delivery that is given up after a remote has got its work is partially delivered, whatever it is given up for: a refusal of git
 * or a remote that was away for too long. If it is not known whether one has, that is said: then nobody may take it for undelivered.
 */
export function orPartial(deliveries: Deliveries, effect: (run: EffectRun) => Promise<JsonValue>) {
  return async (run: EffectRun): Promise<JsonValue> => {
    try {
      return await effect(run);
    } catch (error) {
      if (error instanceof EffectRetryLater || run.signal.aborted || !(error instanceof EffectFailure))
        throw error;
      const output = await outputOf(deliveries, run.effectId, error);
      if (output === null) throw error;
      return output;
    }
  };
}

/** The same when it is given up for one fault, one timeout or one death of its process too many. */
export function partialWhenSpent(deliveries: Deliveries) {
  return (effectId: string, { code, message }: JsonObject): Promise<JsonValue> =>
    outputOf(deliveries, effectId, {
      code: typeof code === 'string' ? code : 'effect_failed',
      message: typeof message === 'string' ? message : '',
    });
}

/** Null: nothing was pushed, so that it is a failure like any other. */
async function outputOf(
  deliveries: Deliveries,
  effectId: string,
  { code, message }: { code: string; message: string },
): Promise<JsonValue> {
  const partial = await partialDelivery(deliveries, effectId);
  if (partial !== null) return { result: partial.result, message: `${code}: ${message}`.slice(0, 400) };
  const isUnclear = (await deliveries.load(effectId)).some(mayHaveArrived);
  return isUnclear ? { result: code, message: message.slice(0, 400), unclear: true } : null;
}
