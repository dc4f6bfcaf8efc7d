/** Files by path; null deletes. */
export type Files = Readonly<Record<string, string | Buffer | null>>;

export interface NewCommit {
  /** Where the commit goes. */
  readonly ref: string;
  /** A commit or a branch; null begins a history. */
  readonly from: string | null;
  /** The other parent. */
  readonly merge?: string;
  /** Otherwise the tree of `from`. */
  readonly tree?: string;
  readonly files: Files;
  /** Blobs that are there already, by path. */
  readonly blobs?: Readonly<Record<string, string>>;
  readonly message: string;
}

/** What `git fast-import --quiet --done` reads to make a commit, without a worktree and in one process; it answers with the commit's id. */
export function fastImport({ ref, from, merge, tree, files, blobs = {}, message }: NewCommit): Buffer {
  const person = `Someone <someone@example.test> ${Math.floor(Date.now() / 1000)} +0000`;
  const head = `commit ${ref}\nmark :1\nauthor ${person}\ncommitter ${person}\n`;
  return Buffer.concat([
    Buffer.from(head),
    data(message),
    Buffer.from(from === null ? '' : `from ${from}^0\n`),
    Buffer.from(merge === undefined ? '' : `merge ${merge}\n`),
    Buffer.from(tree === undefined ? '' : `M 040000 ${tree} ""\n`),
    ...Object.entries(blobs).map(([path, blob]) => Buffer.from(`M 100644 ${blob} ${quoted(path)}\n`)),
    ...Object.entries(files).flatMap(([path, content]) =>
      content === null
        ? Buffer.from(`D ${quoted(path)}\n`)
        : [Buffer.from(`M 100644 inline ${quoted(path)}\n`), data(content)],
    ),
    Buffer.from('get-mark :1\ndone\n'),
  ]);
}

function data(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')]);
}

function quoted(path: string): string {
  return /^"|[\n\\]/.test(path)
    ? `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', String.raw`\n`)}"`
    : path;
}
