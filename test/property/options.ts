/** How long a run is, and by which seeds. `npm run property` sets these; without it one short run has the same seed each time. */
export interface PropertyOptions {
  readonly seeds: readonly number[];
  /** Random steps of each run; winding down comes after them. */
  readonly steps: number;
  /** Where a run that failed leaves its steps, journals, hub and remotes. */
  readonly keep: string | null;
  /** Fails when something interesting never happened. */
  readonly wantsAll: boolean;
}

/** A change that breaks this seed is known by it; other seeds are for those who hunt. */
const USUAL_SEED = 20_261;
const USUAL_STEPS = 150;
/** From so many steps on everything has had its chance. */
const MANY_STEPS = 5_000;

export function readOptions(env: Readonly<Record<string, string | undefined>>): PropertyOptions {
  const seeds = (env['PROPERTY_SEEDS'] ?? String(USUAL_SEED)).split(',').map(Number);
  const steps = Number(env['PROPERTY_STEPS'] ?? USUAL_STEPS);
  if (![...seeds, steps].every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new Error('PROPERTY_SEEDS and PROPERTY_STEPS are whole numbers');
  return { seeds, steps, keep: env['PROPERTY_KEEP'] ?? null, wantsAll: seeds.length * steps >= MANY_STEPS };
}
