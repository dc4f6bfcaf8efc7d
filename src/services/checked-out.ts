import type { Sql } from '../actors/sql.ts';
import type { Hub } from '../git/hub.ts';

interface CheckedOutProject {
  readonly id: string;
  readonly key: string;
  readonly remote: string;
  readonly defaultBranch: string;
  readonly checkedOut: boolean;
}

/** Why `merge_and_push` is not offered: as of a laptop's own clone, whose branch somebody works on. */
export function checkedOutReason(project: Pick<CheckedOutProject, 'key' | 'defaultBranch'>): string {
  return `${project.defaultBranch} of ${project.key} is checked out at the remote, and git refuses a push to it; use push_branch, check out another branch there, or use a bare remote`;
}

/**
 * Whether the default branch is still checked out where it was seen to be. A path on this machine is looked at again. Of other
 * remotes only a refused push tells, so whoever asks for `merge_and_push` once more gets it tried once more.
 */
export async function isCheckedOut(
  { sql, hub }: { sql: Sql; hub: Hub },
  project: CheckedOutProject,
): Promise<boolean> {
  if (!project.checkedOut) return false;
  if ((await hub.checkedOut(project.remote)).includes(project.defaultBranch)) return true;
  await sql.query('UPDATE project SET checked_out = false WHERE id = $1', [project.id]);
  return false;
}
