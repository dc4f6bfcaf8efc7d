/** Every way in which git, a repository or a remote can refuse. The list is literal so that a caller can map it exhaustively. */
export const gitErrorCodes = [
  'git_failed',
  'git_timeout',
  'git_aborted',
  'git_output_too_large',
  'git_missing',
  'git_too_old',
  'invalid_ref_name',
  'invalid_branch_name',
  'invalid_object_id',
  'invalid_remote_url',
  'remote_scheme_not_allowed',
  'remote_url_has_credentials',
  'remote_needs_password',
  'remote_not_a_repository',
  'remote_unreachable',
  'clone_too_slow',
  'remote_refused',
  'remote_branch_checked_out',
  'remote_branch_diverged',
  'remote_branch_merged',
  'remote_branch_blocked',
  'remote_moved',
  'remote_owned_by_another',
  'repository_has_no_commits',
  'repository_is_shallow',
  'default_branch_missing',
  'default_branch_reserved',
  'repository_uses_lfs',
  'repository_uses_submodules',
  'hub_missing',
  'target_missing',
  'target_keeps_moving',
  'ref_moved',
  'ref_locked',
  'landing_proof_failed',
  'landing_superseded',
  'revert_conflicts',
  'merge_engine_not_installed',
] as const;

export type GitErrorCode = (typeof gitErrorCodes)[number];

export interface GitErrorInfo {
  /** What git wrote, without credentials and bounded. */
  stderr?: string;
  exitCode?: number | null;
  /** It came after a push was sent, and does not say whether that arrived. */
  isUnclear?: boolean;
  cause?: unknown;
}

/** A refusal by git or by our rules around it. The message never has arguments or credentials in it. */
export class GitError extends Error {
  override readonly name: string = 'GitError';
  readonly code: GitErrorCode;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly isUnclear: boolean;

  constructor(code: GitErrorCode, message: string, info: GitErrorInfo = {}) {
    super(message, info.cause === undefined ? undefined : { cause: info.cause });
    this.code = code;
    this.stderr = info.stderr ?? '';
    this.exitCode = info.exitCode ?? null;
    this.isUnclear = info.isUnclear ?? false;
  }
}
