import { parseArgs } from 'node:util';

export const SABOTAGES = ['drop-commit', 'half-land', 'skip-project'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** Fewer tasks could not show a conflict, a lost agent and dependencies in three phases. */
export const FEWEST_TASKS = 9;
const MOST_TASKS = 200;

export interface DemoOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly repeat: number;
  readonly sabotage: Sabotage | null;
  readonly inspect: boolean;
  /** A repository to take a bare copy of; null makes one. */
  readonly repo: string | null;
  readonly keep: boolean;
}

export const USAGE = `npm run demo -- [options]
  --seed N        the same pace, victims and moments again (default: a random one, printed)
  --tasks N       ${FEWEST_TASKS} to ${MOST_TASKS} tasks in the plan that is reviewed (default ${FEWEST_TASKS})
  --repeat N      N runs, each with the next seed
  --repo PATH     work on a bare copy of this repository (path or URL), which is never written to
  --inspect       print the address of the inspector's feed, and plain lines so that it can be copied
  --keep          keep the folder of the run: remotes, ledgers, logs
  --sabotage HOW  ${SABOTAGES.join(' | ')}: spoil what was delivered, which the proof must find`;

/** An option that the user has to correct. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the arguments of the demo. Refuses with `UsageError`. */
export function readOptions(args: readonly string[], randomSeed: number): DemoOptions {
  const values = parse(args);
  return {
    seed: whole('seed', values.seed ?? String(randomSeed), 0, 2 ** 31),
    tasks: whole('tasks', values.tasks ?? String(FEWEST_TASKS), FEWEST_TASKS, MOST_TASKS),
    repeat: whole('repeat', values.repeat ?? '1', 1, 1_000),
    sabotage: values.sabotage === undefined ? null : sabotageOf(values.sabotage),
    inspect: values.inspect ?? false,
    repo: values.repo ?? null,
    keep: values.keep ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        tasks: { type: 'string' },
        repeat: { type: 'string' },
        sabotage: { type: 'string' },
        repo: { type: 'string' },
        inspect: { type: 'boolean' },
        keep: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/u.test(text) || value < least || value > most) {
    throw new UsageError(
      `--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

function sabotageOf(text: string): Sabotage {
  const found = SABOTAGES.find((sabotage) => sabotage === text);
  if (found === undefined) throw new UsageError(`--sabotage takes one of ${SABOTAGES.join(', ')}`);
  return found;
}
