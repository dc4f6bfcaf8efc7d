import type { Claim } from '../services/shapes/agent.ts';

/** Keeps a value on its line: a shell reads it back with `printf %b`. */
export function escapeLine(value: string): string {
  return (
    value
      .replaceAll('\\', '\\\\')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
      // Other line ends and control characters of Unicode, those of one byte among them: some readers break lines at them, terminals
      // obey them, and no briefing needs them.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
  );
}

/** Git's name of a conflict as one word: `CONFLICT (modify/delete)` -> `modify/delete`. */
function conflictWord(type: string): string {
  return (/\((.+)\)/.exec(type)?.[1] ?? type).trim().replaceAll(/\s+/g, '-');
}

/**
 * A claim for shells: one `NAME=value` per line, the names fixed. `PROJECT=` (key, clone address, base commit, ref to start
 * from), `MERGE=` (key, commit to merge in), `LATE=` (project, attempt, commit, ref of what was pushed too late), `COMMENT_ID=` and after each
 * `COMMENT=` (project, file:line or file:first-last, text) and `COMMENT_SIDE=` (`old`: the lines are those before the change, or `new`), `CONFLICT=` (project, kind, path) and `INTENT=`
 * (project, side, commit, what it was for) repeat; `CONFLICT_OF=` (kind of unit, key) is there for a merge task. Values are data, written by people whom
 * the reader need not trust: they are to be read line by line, and never to be run or sourced.
 */
export function claimLines(claim: Claim): string {
  const { task, lease, git, branch, projects, comments, conflict, late, limits, next } = claim;
  const lines: readonly (readonly [string, string])[] = [
    ['TASK_ID', task.id],
    ['TASK_KEY', task.key],
    ['PHASE_KEY', task.phase],
    ['INITIATIVE_KEY', task.initiative],
    ['TASK_TITLE', task.title],
    ['TASK_DESCRIPTION', task.description],
    ['CATEGORY', task.category],
    ['ATTEMPT', String(task.attempt)],
    ['MAX_ATTEMPTS', String(limits.maxAttempts)],
    ['LEASE_ID', lease.id],
    ['LEASE_SECONDS', String(lease.seconds)],
    ['HEARTBEAT_SECONDS', String(lease.heartbeatSeconds)],
    ['GIT_USERNAME', git.username],
    ['GIT_PASSWORD', git.password],
    ['BRANCH', branch],
    ['NEXT', next.join(' ')],
    ...projects.map(
      ({ key, url, base, startRef }) => ['PROJECT', `${key} ${url} ${base} ${startRef}`] as const,
    ),
    ...projects.flatMap(({ key, merge }) => (merge === null ? [] : [['MERGE', `${key} ${merge}`] as const])),
    ...late.map(
      ({ project, attempt, commit, ref }) => ['LATE', `${project} ${attempt} ${commit} ${ref}`] as const,
    ),
    ...comments.flatMap(({ id, project, file, side, startLine, line, text }) => [
      ['COMMENT_ID', id] as const,
      ['COMMENT', `${project} ${file}:${startLine === line ? '' : `${startLine}-`}${line} ${text}`] as const,
      ['COMMENT_SIDE', side] as const,
    ]),
    ...(conflict === null
      ? []
      : [
          ['CONFLICT_OF', `${conflict.of} ${conflict.unit?.key ?? ''}`] as const,
          ...conflict.projects.flatMap(({ project, files, intents }) => [
            ...files.map(
              ({ path, type }) => ['CONFLICT', `${project} ${conflictWord(type)} ${path}`] as const,
            ),
            ...intents.map(
              ({ side, commit, subject, unit }) =>
                ['INTENT', `${project} ${side} ${commit} ${unit?.title ?? subject}`] as const,
            ),
          ]),
        ]),
  ];
  return lines.map(([name, value]) => `${name}=${escapeLine(value)}\n`).join('');
}
