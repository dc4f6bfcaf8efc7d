import { type Bench, git, gitWith } from './support.ts';

/** Path, content and mode of a file; the content of a submodule (160000) is its commit. */
export type File = readonly [path: string | Buffer, content: string | Buffer, mode?: string];

export interface SnapshotOptions {
  message?: string;
  /** Seconds since 1970. */
  at?: number;
  author?: string;
}

let snapshots = 0;

/** Commits exactly these files, with names of any bytes, on top of `parents` (none: a new history). */
export function snapshot(
  bench: Bench,
  files: readonly File[],
  parents: readonly string[] = [],
  { message = 'Work', at = 1_700_000_000, author = 'Someone' }: SnapshotOptions = {},
): string {
  const ref = `refs/heads/snapshot-${++snapshots}`;
  const person = `${author} <someone@example.test> ${at} +0000`;
  const stream = [Buffer.from(`commit ${ref}\nauthor ${person}\ncommitter ${person}\n`), ...data(message)];
  for (const [index, parent] of parents.entries())
    stream.push(Buffer.from(`${index === 0 ? 'from' : 'merge'} ${parent}\n`));
  stream.push(Buffer.from('deleteall\n'));
  for (const [path, content, mode = '100644'] of files) {
    if (mode === '160000') stream.push(Buffer.from(`M ${mode} ${content.toString()} ${quoted(path)}\n`));
    else stream.push(Buffer.from(`M ${mode} inline ${quoted(path)}\n`), ...data(content));
  }
  gitWith(
    bench.dir,
    {},
    ['fast-import', '--quiet', '--done'],
    Buffer.concat([...stream, Buffer.from('done\n')]),
  );
  return git(bench.dir, 'rev-parse', ref);
}

function data(content: string | Buffer): Buffer[] {
  const bytes = Buffer.from(content);
  return [Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')];
}

/** Every byte spelled as a number, so that the test does not lean on the quoting that it tests. */
function quoted(path: string | Buffer): string {
  return `"${[...Buffer.from(path)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`;
}

/** Names that a command line, a pathspec or a line-based protocol takes for something else. */
export const awkwardNames: readonly Buffer[] = [
  Buffer.from([0x63, 0x61, 0x66, 0xe9]),
  ...[
    'new\nline',
    'ends with newline\n',
    'tab\there',
    '"quoted"',
    "it's",
    'back\\slash',
    '-leading-dash',
    '--output=x',
    ':leading-colon',
    ':(glob)**',
    '*',
    '[a]?',
    ' leading blank',
    'trailing blank ',
    'x missing\n',
    'a:b',
    'x^{tree}',
    'x~1',
    'x@{0}',
    '\u{feff}mark',
    '\u2028',
    '.gitattributes',
    'über.md',
  ].map((name) => Buffer.from(name)),
];

/** Lines of their numbers. */
export function numbered(from: number, to: number, name = 'line'): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `${name} ${from + index}\n`).join('');
}
