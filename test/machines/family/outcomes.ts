import type { Random } from './random.ts';

export type Outcome = { readonly output: unknown } | { readonly error: { code: string; message: string } };

export const DIGEST = 'd'.repeat(64);
const MOVED = 'e'.repeat(64);
const landed = { output: { result: 'landed' } };
const error: Outcome = { error: { code: 'git_failed', message: 'the disk is full' } };
const proven = { output: { proven: true, missing: [] } };
const unproven = { output: { proven: false, missing: ['task-1'] } };
const served = (digest: string): Outcome => ({ output: { proven: true, missing: [], digest } });
const unserved = { output: { ...unproven.output, digest: null } };
const nothing = { output: {} };
const results = (...names: string[]): Outcome[] => names.map((result) => ({ output: { result } }));

/** Every way an effect can end; the first is the good one. */
export const OUTCOMES: Readonly<Record<string, readonly [Outcome, ...Outcome[]]>> = {
  'task.land': [
    landed,
    ...results('already', 'empty', 'conflict', 'outrun', 'source_lost', 'not_contained', 'unrelated'),
    { output: { result: 'conflict', message: 'both changed a.txt' } },
    error,
  ],
  'task.retire': [nothing, error],
  'phase.open': [nothing, error],
  'phase.prove': [proven, unproven, error],
  'phase.openReview': [served(DIGEST), served(MOVED), unserved, error],
  'phase.land': [
    landed,
    ...results('already', 'empty', 'conflict', 'heads_moved', 'source_lost', 'unrelated'),
    error,
  ],
  'phase.retire': [nothing, error],
  'initiative.open': [nothing, error],
  'initiative.sync': [
    landed,
    { output: { result: 'conflict', projects: ['web'] } },
    ...results('heads_moved', 'source_lost', 'unrelated'),
    error,
  ],
  'initiative.prove': [proven, unproven, error],
  'initiative.openReview': [served(DIGEST), served(MOVED), unserved, error],
  'initiative.deliver': [
    { output: { result: 'delivered' } },
    ...results(
      'conflict',
      'heads_moved',
      'partially_delivered',
      'refused',
      'source_lost',
      'unrelated',
      'unreachable',
    ),
    { output: { result: 'remote_unreachable', unclear: true } },
    error,
  ],
  'initiative.revert': [{ output: { result: 'prepared', plan: 'p' } }, ...results('remote_refused'), error],
  'initiative.pushRevert': [
    { output: { result: 'reverted' } },
    ...results('remote_moved', 'more_brought', 'revert_refused'),
    error,
  ],
  'initiative.retire': [nothing, error],
};

function isResult(outcome: Outcome, name: string): boolean {
  return 'output' in outcome && (outcome.output as { result?: unknown }).result === name;
}

export function outcomesOf(src: string): readonly [Outcome, ...Outcome[]] {
  const found = OUTCOMES[src];
  if (found === undefined) throw new Error(`no outcomes are known of ${src}`);
  return found;
}

/** Mostly the good one: otherwise hardly anything gets far enough to be interesting. In trouble, that one again and again. */
export function randomOutcome(random: Random, src: string, trouble?: string): Outcome {
  const all = outcomesOf(src);
  const again = trouble === undefined ? undefined : all.find((outcome) => isResult(outcome, trouble));
  if (again !== undefined && random.chance(0.8)) return again;
  return random.chance(0.55) ? all[0] : random.pick(all);
}
