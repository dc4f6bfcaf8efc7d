import { diffEnvironment, diffOptions } from './diff-settings.ts';
import { GitError } from './git-error.ts';
import { checkObjectId } from './ref-name.ts';
import { type Repository, splitNul } from './repository.ts';

export type FileStatus = 'added' | 'deleted' | 'modified' | 'renamed' | 'type_changed';

export interface ChangedFile {
  path: Buffer;
  /** Where a renamed file was before; null for every other status. */
  oldPath: Buffer | null;
  status: FileStatus;
  /** Null on the side that does not have the file. */
  oldMode: string | null;
  newMode: string | null;
  /** Of a submodule: its commit, which is not in this repository. */
  oldBlob: string | null;
  newBlob: string | null;
  /** Lines; null where there are none to count (binary, submodule). */
  additions: number | null;
  deletions: number | null;
  binary: boolean;
  submodule: boolean;
}

const statuses: Readonly<Record<string, FileStatus>> = {
  A: 'added',
  D: 'deleted',
  M: 'modified',
  R: 'renamed',
  T: 'type_changed',
};

/** Above this many files on both sides git looks for exact renames only: comparing each with each takes quadratic time. */
const renameLimit = 1_000;

/**
 * Every file that differs between two commits or trees, in the order of the bytes of its path. An empty file is never taken for a
 * renamed one: all of them are alike, and nothing can have moved.
 */
export async function changedFiles(repository: Repository, from: string, to: string): Promise<ChangedFile[]> {
  const { stdout } = await repository.git(
    [
      'diff-tree',
      '-r',
      '-z',
      '--raw',
      '--numstat',
      '--no-abbrev',
      '--find-renames=50%',
      '--no-rename-empty',
      `-l${renameLimit}`,
      ...diffOptions,
      checkObjectId(from),
      checkObjectId(to),
      '--',
    ],
    { env: diffEnvironment(from) },
  );
  return parseChanges(splitNul(stdout)).toSorted((left, right) => Buffer.compare(left.path, right.path));
}

/**
 * First all of --raw, one `:modes ids status` and one path for each file (two for a rename); then all of --numstat, where the paths
 * of a rename follow an empty one.
 */
function parseChanges(fields: readonly Buffer[]): ChangedFile[] {
  const files = new Map<string, ChangedFile>();
  let at = 0;
  const next = (): Buffer => {
    const field = fields[at++];
    if (field === undefined) throw unreadable();
    return field;
  };
  while (fields[at]?.[0] === 0x3a /* : */) {
    const file = rawEntry(next(), next);
    files.set(file.path.toString('latin1'), file);
  }
  while (at < fields.length) {
    const field = next();
    const first = field.indexOf(9);
    const second = field.indexOf(9, first + 1);
    if (first === -1 || second === -1) throw unreadable();
    let path = field.subarray(second + 1);
    if (path.length === 0) {
      next();
      path = next();
    }
    const file = files.get(path.toString('latin1'));
    if (file === undefined) throw unreadable();
    count(file, field.toString('latin1', 0, first), field.toString('latin1', first + 1, second));
  }
  return [...files.values()];
}

function rawEntry(header: Buffer, next: () => Buffer): ChangedFile {
  const [oldMode = '', newMode = '', oldBlob = '', newBlob = '', letter = ''] = header
    .toString('latin1', 1)
    .split(' ');
  const status = statuses[letter.slice(0, 1)];
  if (status === undefined) throw unreadable();
  const first = next();
  const [oldPath, path] = status === 'renamed' ? [first, next()] : [null, first];
  return {
    path,
    oldPath,
    status,
    oldMode: status === 'added' ? null : oldMode,
    newMode: status === 'deleted' ? null : newMode,
    oldBlob: status === 'added' ? null : oldBlob,
    newBlob: status === 'deleted' ? null : newBlob,
    additions: null,
    deletions: null,
    binary: false,
    submodule: oldMode === '160000' || newMode === '160000',
  };
}

function count(file: ChangedFile, additions: string, deletions: string): void {
  if (additions === '-') file.binary = true;
  // The one line that git counts for a submodule is not in any file.
  else if (!file.submodule) {
    file.additions = Number(additions);
    file.deletions = Number(deletions);
  }
}

function unreadable(): GitError {
  return new GitError(
    'git_failed',
    'git diff-tree answered in a form this version of Signalbox does not know',
  );
}
