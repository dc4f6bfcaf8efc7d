import { GitError } from './git-error.ts';
import { checkObjectId } from './ref-name.ts';
import { type Repository, splitNul } from './repository.ts';

export interface CommitPair {
  readonly before: string;
  readonly after: string;
}

/** How many pairs one git compares: enough that few are started, few enough that what it writes stays below the runner's limit. */
const atOnce = 100;

/**
 * The names that differ between two commits, for each pair, with few gits. A renamed file is under both of its names. A name is given
 * as one letter for each byte (latin1), because it need not be UTF-8 and is only compared.
 */
export async function changedNames(
  repository: Repository,
  pairs: readonly CommitPair[],
): Promise<ReadonlySet<string>[]> {
  const names: ReadonlySet<string>[] = [];
  for (let at = 0; at < pairs.length; at += atOnce)
    names.push(...(await namesOf(repository, pairs.slice(at, at + atOnce))));
  return names;
}

async function namesOf(repository: Repository, pairs: readonly CommitPair[]): Promise<Set<string>[]> {
  // A second id on the line stands for the parents of the commit, whatever those really are.
  const stdin = pairs
    .map(({ before, after }) => `${checkObjectId(after)} ${checkObjectId(before)}\n`)
    .join('');
  const { stdout } = await repository.git(
    [
      'diff-tree',
      '--stdin',
      '--always',
      '-r',
      '-z',
      '--name-status',
      '--no-renames',
      '--ignore-submodules=none',
    ],
    { stdin },
  );
  const fields = splitNul(stdout).map((field) => field.toString('latin1'));
  const found: Set<string>[] = [];
  for (let at = 0; at < fields.length;) {
    const field = fields[at++] ?? '';
    // The id of the commit comes first, then a letter and a name for each file: no letter is as long as an id.
    if (field === pairs[found.length]?.after) found.push(new Set());
    else if (field.length === 1) found.at(-1)?.add(fields[at++] ?? '');
    else throw unreadable();
  }
  if (found.length !== pairs.length) throw unreadable();
  return found;
}

function unreadable(): GitError {
  return new GitError(
    'git_failed',
    'git diff-tree answered in a form this version of Signalbox does not know',
  );
}
