/** Why `merge_and_push` is not offered: as of a laptop's own clone, whose branch somebody works on. */
export function checkedOutReason(project: { readonly key: string; readonly defaultBranch: string }): string {
  return `${project.defaultBranch} of ${project.key} is checked out at the remote, and git refuses a push to it; use push_branch, or a bare remote`;
}
