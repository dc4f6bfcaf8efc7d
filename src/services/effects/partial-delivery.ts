import { EffectFailure, EffectRetryLater, type EffectRun } from '../../actors/effects.ts';
import type { JsonValue } from '../../actors/json.ts';
import type { Sql } from '../../actors/sql.ts';
import { partialDelivery } from '../../git/delivery-partial.ts';
import type { DeliveryStore } from '../../git/delivery-types.ts';

/** Runs of a delivery that may end in a fault that passes, before it is given up. */
export const DELIVERY_ATTEMPTS = 10;

/**
 * A delivery that is given up after a remote has got its work is partially delivered, whatever it is given up for: a refusal of git,
 * a remote that was away for too long, or one fault too many.
 */
export function orPartial(
  deps: { readonly sql: Sql; readonly deliveries: Pick<DeliveryStore, 'load'> },
  effect: (run: EffectRun) => Promise<JsonValue>,
) {
  return async (run: EffectRun): Promise<JsonValue> => {
    try {
      return await effect(run);
    } catch (error) {
      if (error instanceof EffectRetryLater || run.signal.aborted || !(error instanceof Error)) throw error;
      const isFinal = error instanceof EffectFailure || (await isLast(deps.sql, run.effectId));
      const partial = isFinal ? await partialDelivery(deps.deliveries, run.effectId) : null;
      if (partial === null) throw error;
      const code = (error as { code?: unknown }).code;
      const said = typeof code === 'string' ? `${code}: ${error.message}` : error.message;
      return { result: partial.result, message: said.slice(0, 400) };
    }
  };
}

async function isLast(sql: Sql, effectId: string): Promise<boolean> {
  const { rowCount } = await sql.query('SELECT FROM effect WHERE id = $1 AND failures + 1 >= $2', [
    effectId,
    DELIVERY_ATTEMPTS,
  ]);
  return rowCount > 0;
}
