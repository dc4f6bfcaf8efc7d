import { blobSize } from './blob.ts';
import { GitError } from './git-error.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

export interface FileEntry {
  mode: string;
  /** Of a submodule: its commit, which is not in this repository. */
  blob: string;
  /** Null for a submodule. */
  size: number | null;
}

export interface FilePlace {
  /** A commit or a tree. */
  commit: string;
  path: Buffer;
}

/** What a commit has under this path; null for nothing and for a folder. */
export async function fileAt(
  repository: Repository,
  commit: string,
  path: Buffer,
): Promise<FileEntry | null> {
  const [entry = null] = await filesAt(repository, [{ commit, path }]);
  return entry;
}

/**
 * The same for several places, with one git. Asked over stdin and ended by NUL, because a name may have any other byte in it, and
 * by the tree of its folder, because `cat-file` does not know the mode of a file.
 */
export async function filesAt(
  repository: Repository,
  places: readonly FilePlace[],
): Promise<(FileEntry | null)[]> {
  const questions = places.map(({ commit, path }) => questionsFor(checkObjectId(commit), path));
  const asked = questions.flatMap((question) =>
    question === null
      ? []
      : [
          Buffer.from(`info ${question.commit}\0contents `),
          question.folder,
          Buffer.from('\0info '),
          question.file,
          Buffer.from('\0'),
        ],
  );
  if (asked.length === 0) return places.map(() => null);
  const { stdout } = await repository.git(['cat-file', '--batch-command', '-z'], {
    stdin: Buffer.concat(asked),
  });
  const answers = answersOf(stdout);
  const found = questions.map((question) => (question === null ? null : readEntry(question, answers)));
  return Promise.all(found.map(async (entry) => (entry === null ? null : withSize(repository, entry))));
}

interface Entry {
  mode: string;
  blob: string;
}

interface Found extends Entry {
  info: Info | null;
}

function readEntry(question: Questions, answers: Answers): Found | null {
  if (answers.info(Buffer.from(question.commit)) === null)
    throw new GitError('git_failed', `the commit ${question.commit} is not in the repository`);
  const folder = answers.contents(question.folder);
  const info = answers.info(question.file);
  const entry = folder === null ? null : entryOf(folder, question.name, question.commit.length / 2);
  return entry === null || entry.mode === '040000' ? null : { ...entry, info };
}

async function withSize(repository: Repository, { mode, blob, info }: Found): Promise<FileEntry> {
  if (mode === '160000') return { mode, blob, size: null };
  // Git reads a name that ends like `x-g1a2b3c4` as what `git describe` prints, and answers for that object instead of the file.
  const size = info?.oid === blob ? info.size : await blobSize(repository, blob);
  return { mode, blob, size };
}

interface Questions {
  commit: string;
  folder: Buffer;
  file: Buffer;
  name: Buffer;
}

/** Null for a path that no tree can have; git would take `./x` for a path in a worktree and give up. */
function questionsFor(commit: string, path: Buffer): Questions | null {
  const parts = path.toString('latin1').split('/');
  if (path.includes(0) || parts.some((part) => part === '' || part === '.' || part === '..')) return null;
  const slash = path.lastIndexOf(0x2f);
  const prefix = Buffer.from(`${commit}:`);
  return {
    commit,
    // With its slash it is found only if it is a folder: nobody asked for the content of a file there.
    folder: Buffer.concat([prefix, path.subarray(0, slash + 1)]),
    file: Buffer.concat([prefix, path]),
    name: path.subarray(slash + 1),
  };
}

interface Info {
  oid: string;
  size: number;
}

interface Answers {
  info(question: Buffer): Info | null;
  contents(question: Buffer): Buffer | null;
}

function answersOf(bytes: Buffer): Answers {
  let at = 0;
  const info = (question: Buffer): Info | null => {
    // The question is repeated as it was asked, line feeds and all; every other answer begins with an id and a space.
    const missing = Buffer.concat([question, Buffer.from(' missing\n')]);
    if (bytes.subarray(at, at + missing.length).equals(missing)) {
      at += missing.length;
      return null;
    }
    const end = bytes.indexOf(10, at);
    const [oid = '', type = '', size = ''] = bytes.toString('latin1', at, end).split(' ');
    // What a newer git says of a submodule; an older one calls it missing.
    const isSubmodule = type === 'submodule' && size === '';
    if (end === -1 || (!isSubmodule && !/^\d+$/.test(size)))
      throw new GitError(
        'git_failed',
        'git cat-file answered in a form this version of Signalbox does not know',
      );
    at = end + 1;
    if (isSubmodule) return null;
    return { oid, size: Number(size) };
  };
  const contents = (question: Buffer): Buffer | null => {
    const found = info(question);
    if (found === null) return null;
    const content = bytes.subarray(at, at + found.size);
    at += found.size + 1;
    return content;
  };
  return { info, contents };
}

/** One entry of a tree object: `<mode> <name>`, a NUL, and the bytes of the id. */
function entryOf(tree: Buffer, name: Buffer, idBytes: number): Entry | null {
  for (let at = 0; at < tree.length;) {
    const space = tree.indexOf(0x20, at);
    const end = tree.indexOf(0, space);
    if (tree.subarray(space + 1, end).equals(name)) {
      const blob = tree.toString('hex', end + 1, end + 1 + idBytes);
      return { mode: canonicalMode(tree.toString('latin1', at, space)), blob };
    }
    at = end + 1 + idBytes;
  }
  return null;
}

/** Trees of old tools have modes such as 100664, which git reads as one of its own. */
function canonicalMode(text: string): string {
  const mode = Number.parseInt(text, 8);
  if ((mode & 0o170000) === 0o100000) return (mode & 0o100) === 0 ? '100644' : '100755';
  return text.padStart(6, '0');
}
