import { EffectFailure, EffectRetryLater, type EffectRun } from '../../actors/effects.ts';
import type { JsonValue } from '../../actors/json.ts';
import type { Sql } from '../../actors/sql.ts';
import { GitError, type GitErrorCode } from '../../git/git-error.ts';
import { LaneBusy } from '../../git/landing-types.ts';
import { Refusal } from '../../errors.ts';

/** Faults that pass by themselves: the effect runs again, with the runtime's growing delays and its cap. */
const PASSING: readonly GitErrorCode[] = [
  'git_timeout',
  'git_aborted',
  'remote_moved',
  'ref_locked',
  'ref_moved',
  'target_keeps_moving',
  'landing_superseded',
];

const DISK_FULL = /no space left on device|disk quota exceeded/i;
const DISK_RETRY_MS = 2_000;
const REMOTE_RETRY_MS = 3_000;
/** A remote that is away for longer than this is a matter for a person; until then the work waits and goes on by itself. */
const REMOTE_PATIENCE_SECONDS = 3_600;

/** Runs an effect's body and says which of git's faults are for a person, which pass, and which only mean to wait. */
export function gitEffect(sql: Sql, body: (run: EffectRun) => Promise<JsonValue>) {
  return async (run: EffectRun): Promise<JsonValue> => {
    try {
      return await body(run);
    } catch (error) {
      if (error instanceof LaneBusy) throw new EffectRetryLater(error.delayMs, error.message);
      if (error instanceof Refusal) {
        throw new EffectFailure(error.code, error.message, undefined, { cause: error });
      }
      // A full disk costs no attempt: the work goes on by itself when there is room again.
      if (isDiskFull(error)) {
        throw new EffectRetryLater(DISK_RETRY_MS, 'the disk under the hub is full', { cause: error });
      }
      if (!(error instanceof GitError)) throw error;
      if (error.code === 'remote_unreachable' && (await isYoung(sql, run.effectId))) {
        throw new EffectRetryLater(REMOTE_RETRY_MS, `remote_unreachable: ${error.message}`, { cause: error });
      }
      if (PASSING.includes(error.code)) throw error;
      const said = error.stderr === '' ? '' : `: ${error.stderr.slice(0, 300)}`;
      throw new EffectFailure(error.code, `${error.message}${said}`, undefined, { cause: error });
    }
  };
}

/** Git's words, or the code of a file that this process could not write itself. */
function isDiskFull(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return true;
    if (at instanceof GitError && DISK_FULL.test(at.stderr)) return true;
  }
  return false;
}

async function isYoung(sql: Sql, effectId: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `SELECT FROM effect WHERE id = $1 AND created_at > db_now() - $2 * interval '1 second'`,
    [effectId, REMOTE_PATIENCE_SECONDS],
  );
  return rowCount > 0;
}
