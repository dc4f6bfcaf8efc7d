import type { DeliveryRecord } from './delivery-types.ts';
import { GitError, type GitErrorCode } from './git-error.ts';

/** Refusals that trying again does not change; anything else is thrown, and the effect's retry goes on from what is recorded. */
const permanent: ReadonlySet<GitErrorCode> = new Set([
  'invalid_remote_url',
  'remote_scheme_not_allowed',
  'remote_url_has_credentials',
  'remote_needs_password',
  'remote_not_a_repository',
  'remote_refused',
  'remote_branch_checked_out',
  'remote_branch_diverged',
  'remote_branch_merged',
  'remote_branch_blocked',
  'remote_moved',
  'remote_owned_by_another',
  'default_branch_missing',
  'revert_conflicts',
]);

/** What the work gives, or the record of a refusal that trying again does not change. Anything else is thrown, and so is what is unclear. */
export async function orRefusal<T>(
  { projectId, strategy, remoteRef }: Pick<DeliveryRecord, 'projectId' | 'strategy' | 'remoteRef'>,
  work: () => Promise<T>,
): Promise<{ value: T } | { refusal: DeliveryRecord }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof GitError) || error.isUnclear || !permanent.has(error.code)) throw error;
    return {
      refusal: {
        projectId,
        strategy,
        remoteRef,
        before: null,
        after: null,
        state: 'refused',
        result: strategy === 'push_branch' ? 'pushed' : 'merged',
        code: error.code,
        message: error.message,
      },
    };
  }
}

/** Asks a remote that may have a push of ours. If it refuses to be asked, that does not say that it has nothing. */
export async function askAfterPush<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const { code, message, stderr, exitCode } = error;
    throw new GitError(code, message, { stderr, exitCode, isUnclear: true, cause: error });
  }
}

/** The record of a project that got nothing, and why. */
export function refuse(
  record: DeliveryRecord,
  code: NonNullable<DeliveryRecord['code']>,
  message: string,
): DeliveryRecord {
  return { ...record, state: 'refused', code, message };
}
