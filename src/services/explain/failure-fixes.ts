import type { GitErrorCode } from '../../git/git-error.ts';

const ofGit = {
  git_failed: 'Read what git said, mend it in the repository or the hub, then retry.',
  git_timeout: 'Look whether the machine or its disk is overloaded, then retry.',
  git_aborted: 'Retry.',
  git_output_too_large: 'Look what in the repository is so large, then retry.',
  git_missing: 'Put git on the PATH of the service, restart it, then retry.',
  git_too_old: 'Install git 2.38 or newer, restart the service, then retry.',
  invalid_ref_name: 'Rename the branch at the remote, then retry.',
  invalid_branch_name: 'Rename the branch at the remote, then retry.',
  invalid_object_id: 'Recheck: the recorded commit can not be right.',
  invalid_remote_url:
    'The address of the project can not be used: cancel, and add the project under a right one.',
  remote_scheme_not_allowed:
    'The address of the project can not be used: cancel, and add the project under https or ssh.',
  remote_url_has_credentials:
    'Cancel, and add the project without a password in its address; a credential helper gives it.',
  remote_needs_password:
    'Name user and token in SIGNALBOX_GIT_CREDENTIALS, or a git config with a credential helper in SIGNALBOX_GIT_CONFIG, then retry.',
  remote_not_a_repository: 'Look whether the repository was moved or deleted at its remote, then retry.',
  remote_unreachable: 'Look whether the remote and the network to it are up, then retry.',
  clone_too_slow: 'Look at the network to the remote, then retry.',
  remote_refused: 'Read what the remote said, allow the push there, then retry.',
  remote_branch_checked_out:
    'Check out another branch at the remote, or recheck, and approve with the strategy `push_branch`.',
  remote_branch_diverged: 'Rename or delete our branch at the remote, or take its commits in, then retry.',
  remote_branch_blocked: 'Rename or delete the branch that is in the way at the remote, then retry.',
  remote_moved: 'The branch moves all the time: retry when others have stopped pushing to it.',
  remote_branch_merged: 'Revert it at the remote by hand, or resume the delivery.',
  revert_conflicts: 'Revert it at the remote by hand, or resume the delivery.',
  remote_owned_by_another: 'Give the repository to the user that the service runs as, then retry.',
  repository_has_no_commits: 'Push a first commit to the default branch, then retry.',
  repository_is_shallow: 'Run `git fetch --unshallow` in the repository at the remote, then retry.',
  default_branch_missing: 'Make the default branch again at the remote, then retry.',
  default_branch_reserved: 'Give the default branch another name at the remote; ours begin with `signalbox`.',
  repository_uses_lfs: 'Cancel: repositories with Git LFS are not supported.',
  repository_uses_submodules: 'Cancel: repositories with submodules are not supported.',
  hub_missing: 'Bring the clone of the project back into the hub, then retry.',
  target_missing: 'Bring the branch back in the hub from its backup ref, then retry.',
  target_keeps_moving: 'Retry when less is landed on that branch.',
  ref_moved: 'Retry: the refs are read again.',
  ref_locked: 'End the git that holds the lock in the hub; `/readyz` names it. Then retry.',
  landing_proof_failed: 'Look at the log, then retry: nothing has moved.',
  landing_superseded: 'Retry.',
  merge_engine_not_installed:
    'Install the merge engine of the configuration, or set another one, then retry.',
} as const satisfies Readonly<Record<GitErrorCode, string>>;

const ofWork = {
  agent_failed: 'Read what the agent said; change the task if need be, then retry.',
  agent_crashed: 'Look at the agent, then retry.',
  lease_expired: 'Look why nothing was heard of the agent, then retry.',
  rate_limited: 'Wait until the limit of the agent is over, or have another agent take it.',
  conflict: 'Retry for another merge task, or merge by hand on the branch in the hub and recheck.',
  source_lost: 'Bring the commit back to its branch in the hub, then retry or recheck; or cancel.',
  unrelated: 'The histories have no commit in common: look what was pushed, then cancel or retry.',
  not_contained: 'Retry: the resolution has to contain what it was made to bring in.',
  outrun: 'Retry when less is landed on that branch.',
  heads_moved: 'Recheck: the review opens with the heads that are there now.',
  not_proven: 'Bring what is named back to the branch and recheck, or add work that does it again.',
  refused: 'Look at `projects[].delivery`: each has code and message. Mend them, then retry.',
  partially_delivered:
    'Look at `projects[].delivery`: mend what refused, then resume the delivery, or have it taken back.',
  revert_refused:
    'Look at `projects[].delivery`, mend what refused, then have it taken back again, or resume the delivery.',
  more_brought: 'Have it taken back once more.',
  unreachable: 'Look whether the remote and the network to it are up, then retry.',
  effect_failed: 'Look at the log of the service, then retry.',
  effect_crashed: 'Look at the log of the service: this is a fault of ours. Then retry.',
  effect_timeout: 'Look whether the machine is overloaded, then retry.',
  invalid_output: 'Look at the log of the service: this is a fault of ours. Then retry.',
} as const;

const FIXES: Readonly<Record<string, string>> = { ...ofGit, ...ofWork };

/** What helps against a failure. Agents give codes of their own, and of those only they know. */
export function fixOf(code: string): string {
  return FIXES[code] ?? 'Read the message: an agent, or a step that was refused, gave this code. Then retry.';
}
