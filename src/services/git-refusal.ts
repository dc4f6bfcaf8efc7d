import { Refusal, REFUSALS, type RefusalCode } from '../errors.ts';
import { GitError } from '../git/git-error.ts';

/** A fault of git as the refusal of a request: under its own code where callers can do something about it. */
export function gitRefusal(error: unknown): unknown {
  if (!(error instanceof GitError)) return error;
  const code: RefusalCode = error.code in REFUSALS ? (error.code as RefusalCode) : 'git_failed';
  return new Refusal(code, error.message, { cause: error });
}
