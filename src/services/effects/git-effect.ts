import { EffectFailure, EffectRetryLater, type EffectRun } from '../../actors/effects.ts';
import type { JsonValue } from '../../actors/json.ts';
import { GitError, type GitErrorCode } from '../../git/git-error.ts';
import { LaneBusy } from '../../git/landing-types.ts';
import { Refusal } from '../../errors.ts';

/** Faults that pass by themselves: the effect runs again, with the runtime's growing delays and its cap. */
const PASSING: readonly GitErrorCode[] = [
  'git_timeout',
  'git_aborted',
  'remote_unreachable',
  'remote_moved',
  'ref_locked',
  'ref_moved',
  'target_keeps_moving',
  'landing_superseded',
];

const DISK_FULL = /no space left on device|disk quota exceeded/i;
const DISK_RETRY_MS = 2_000;

/** Runs an effect's body and says which of git's faults are for a person, which pass, and which only mean to wait. */
export function gitEffect(body: (run: EffectRun) => Promise<JsonValue>) {
  return async (run: EffectRun): Promise<JsonValue> => {
    try {
      return await body(run);
    } catch (error) {
      if (error instanceof LaneBusy) throw new EffectRetryLater(error.delayMs, error.message);
      if (error instanceof Refusal) {
        throw new EffectFailure(error.code, error.message, undefined, { cause: error });
      }
      if (!(error instanceof GitError)) throw error;
      // A full disk costs no attempt: the work goes on by itself when there is room again.
      if (DISK_FULL.test(error.stderr)) {
        throw new EffectRetryLater(DISK_RETRY_MS, 'the disk under the hub is full', { cause: error });
      }
      if (PASSING.includes(error.code)) throw error;
      const said = error.stderr === '' ? '' : `: ${error.stderr.slice(0, 300)}`;
      throw new EffectFailure(error.code, `${error.message}${said}`, undefined, { cause: error });
    }
  };
}
