export interface CommitInfo {
  tree: string;
  parents: string[];
  message: string;
}

/** Reads a commit object as `git cat-file commit` writes it. */
export function parseCommit(bytes: Buffer): CommitInfo {
  const text = bytes.toString('utf8');
  const end = text.indexOf('\n\n');
  const headers = (end === -1 ? text : text.slice(0, end)).split('\n');
  const values = (name: string): string[] =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  return {
    tree: values('tree')[0] ?? '',
    parents: values('parent'),
    message: end === -1 ? '' : text.slice(end + 2),
  };
}
