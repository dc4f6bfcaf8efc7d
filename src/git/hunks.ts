import { GitError } from './git-error.ts';
import { encodingOf, splitLines, type TextEncoding } from './text-lines.ts';

export interface DiffLine {
  kind: 'context' | 'added' | 'deleted';
  /** Line numbers; null on the side that does not have the line. */
  old: number | null;
  new: number | null;
  /** Without its line feed; a carriage return before it stays. */
  text: string;
  /** The file ends here, without a line feed. */
  noNewline?: true;
}

export interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  /** The line that git takes for the beginning of the function or section; cut by git, and often empty. */
  heading: string;
  lines: DiffLine[];
}

export interface Hunks {
  hunks: Hunk[];
  /** Of the lines that are shown, not of the whole file. */
  encoding: TextEncoding;
}

const kinds: Readonly<Record<number, DiffLine['kind']>> = { 0x20: 'context', 0x2b: 'added', 0x2d: 'deleted' };
const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: (.*))?$/s;

/** Reads the diff of one file as git prints it. */
export function parseHunks(diff: Buffer): Hunks {
  const hunks: Hunk[] = [];
  let encoding: TextEncoding = 'utf-8';
  let hunk: Hunk | undefined;
  let last: DiffLine | undefined;
  let [oldLine, newLine] = [0, 0];
  for (const line of splitLines(diff)) {
    if (line[0] === 0x40 /* @ */) {
      hunk = parseHeader(line.toString('utf8'));
      hunks.push(hunk);
      [oldLine, newLine] = [hunk.oldStart, hunk.newStart];
      continue;
    }
    // What comes before the first hunk names the files.
    if (hunk === undefined) continue;
    const kind = kinds[line[0] ?? 0];
    if (kind === undefined) {
      if (line[0] !== 0x5c /* \ */ || last === undefined) throw unreadable();
      last.noNewline = true;
      continue;
    }
    const text = line.subarray(1);
    if (encodingOf(text) === 'unknown') encoding = 'unknown';
    last = {
      kind,
      old: kind === 'added' ? null : oldLine++,
      new: kind === 'deleted' ? null : newLine++,
      text: text.toString('utf8'),
    };
    hunk.lines.push(last);
  }
  return { hunks, encoding };
}

function parseHeader(text: string): Hunk {
  const [, oldStart, oldLines = '1', newStart, newLines = '1', heading = ''] = header.exec(text) ?? [];
  if (oldStart === undefined) throw unreadable();
  return {
    oldStart: Number(oldStart),
    oldLines: Number(oldLines),
    newStart: Number(newStart),
    newLines: Number(newLines),
    heading,
    lines: [],
  };
}

/** The diff of a file that only one side has: all of it. Git would need an empty file to compare it with, which need not be stored. */
export function wholeFile(content: Buffer, kind: 'added' | 'deleted'): Hunks {
  const lines = splitLines(content).map((line, index): DiffLine => {
    const number = index + 1;
    const text = line.toString('utf8');
    return kind === 'added' ? { kind, old: null, new: number, text } : { kind, old: number, new: null, text };
  });
  const last = lines.at(-1);
  if (last === undefined) return { hunks: [], encoding: 'utf-8' };
  if (content.at(-1) !== 10) last.noNewline = true;
  const [none, all] = [
    { start: 0, lines: 0 },
    { start: 1, lines: lines.length },
  ];
  const [before, after] = kind === 'added' ? [none, all] : [all, none];
  const hunk: Hunk = {
    oldStart: before.start,
    oldLines: before.lines,
    newStart: after.start,
    newLines: after.lines,
    heading: '',
    lines,
  };
  return { hunks: [hunk], encoding: encodingOf(content) };
}

function unreadable(): GitError {
  return new GitError('git_failed', 'git diff answered in a form this version of Signalbox does not know');
}
