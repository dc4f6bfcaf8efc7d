import { GitError, type GitErrorCode } from './git-error.ts';

type Sentence = string | ((text: string) => string);

/** What git says when a remote does not do what it should, and what that means; the first that matches counts. */
const known: readonly (readonly [RegExp, GitErrorCode, Sentence])[] = [
  [
    /branch is currently checked out|refusing to update checked out branch/i,
    'remote_branch_checked_out',
    'the branch is checked out at the remote; use push_branch, or a bare remote',
  ],
  [/detected dubious ownership/i, 'remote_owned_by_another', ownedByAnother],
  [
    /could not read (Username|Password)|Authentication failed|terminal prompts disabled|Permission denied \(|Host key verification failed|requested URL returned error: 40[13]/i,
    'remote_needs_password',
    'the remote wants a password or key that the service does not have; give it a credential helper or an ssh key',
  ],
  [
    /does not appear to be a git repository|not a git repository|repository '.*' not found|repository not found|not valid: is this a git repository|does not exist|No such file or directory/i,
    'remote_not_a_repository',
    'there is no git repository at this address',
  ],
  [
    /transport '.*' not allowed/i,
    'remote_scheme_not_allowed',
    'remotes over this scheme are not allowed; use https, ssh, or an absolute path',
  ],
  [
    /Could not resolve host|Connection (refused|timed out|reset|closed)|Failed to connect|Could not connect|unable to access|Operation timed out|early EOF|hung up unexpectedly|Network is unreachable|No route to host|unexpected disconnect/i,
    'remote_unreachable',
    'the remote could not be reached',
  ],
];

/** Turns git's failure against a remote into a refusal with a code of its own; anything unknown stays `git_failed`. */
export function remoteRefusal(error: unknown): unknown {
  if (!(error instanceof GitError)) return error;
  if (error.code === 'git_timeout')
    return new GitError('remote_unreachable', 'the remote did not answer in time', { cause: error });
  if (error.code !== 'git_failed') return error;
  return knownRefusal(error.stderr, error) ?? error;
}

/** Reads what our git says. What the remote's programs and hooks say comes after `remote:`, and may be about anything. */
export function knownRefusal(text: string, cause?: GitError): GitError | null {
  const own = text
    .split(/[\r\n]+/)
    .filter((line) => !line.startsWith('remote:'))
    .join('\n');
  const found = known.find(([pattern]) => pattern.test(own));
  if (found === undefined) return null;
  const [, code, sentence] = found;
  const message = typeof sentence === 'string' ? sentence : sentence(own);
  return new GitError(code, message, { stderr: text, exitCode: cause?.exitCode ?? null, cause });
}

/** Names the folder that git itself looks at: of a checkout that is its `.git`, and an entry for another path allows nothing. */
function ownedByAnother(text: string): string {
  const folder = /dubious ownership in repository at '(.+)'/.exec(text)?.[1] ?? 'this path';
  return `the repository at ${folder} belongs to another user than the service runs as: run the service as that user, or write "[safe] directory = ${folder}" into a git config file and name that file in SIGNALBOX_GIT_CONFIG`;
}
