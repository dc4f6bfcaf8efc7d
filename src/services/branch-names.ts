/**
 * Branch names are made of keys, which never change, so renaming a thing never moves its branch. A unit's name is never the
 * beginning of another's path (git can not hold `a/b` beside `a/b/c`): the word before the keys says what it is.
 */
export function initiativeBranch(initiative: string): string {
  return `signalbox/${initiative}/initiative`;
}

export function phaseBranch(initiative: string, phase: string): string {
  return `signalbox/${initiative}/phase/${phase}`;
}

export function taskBranch(initiative: string, phase: string, task: string): string {
  return `signalbox/${initiative}/task/${phase}/${task}`;
}

/** What the agent of one attempt pushes; for review and merge tasks this is the staging ref. */
export function attemptBranch(initiative: string, phase: string, task: string, attempt: number): string {
  return `signalbox/${initiative}/attempt/${phase}/${task}/${attempt}`;
}

/** What a merge task has to merge, in each project where it has to: shown to its agent, and kept. */
export function mergeBranch(initiative: string, phase: string, task: string): string {
  return `signalbox/${initiative}/merge/${phase}/${task}`;
}

/** What the first so many attempts of a task may have pushed to, the newest first. */
export function attemptRefs(initiative: string, phase: string, task: string, attempts: number): string[] {
  return Array.from({ length: attempts }, (_, index) =>
    headRef(attemptBranch(initiative, phase, task, attempts - index)),
  );
}

/** Where `push_branch` delivers to, at the remote. */
export function deliveredBranch(initiative: string): string {
  return `signalbox/${initiative}`;
}

export function headRef(branch: string): string {
  return `refs/heads/${branch}`;
}

/** Holds a submitted commit that is not yet on a branch. */
export function keepRef(taskId: string, leaseId: string): string {
  return `refs/signalbox/keep/${taskId}/${leaseId}`;
}

/** Holds a tip that a branch had before we moved or ended it. */
export function backupRef(unitId: string, name: string): string {
  return `refs/signalbox/backup/${unitId}/${name}`;
}

/** Where a push under a lease that is over is kept. */
export function lateRef(taskId: string, attempt: number): string {
  return `refs/signalbox/late/${taskId}/${attempt}`;
}
