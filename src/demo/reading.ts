import type { ChangedFile, Client, DiffLine, NewComment } from './client.ts';

/** What a reviewer found in the changes of a phase. */
export interface Reading {
  readonly files: number;
  readonly comments: readonly NewComment[];
}

/** How many diffs are asked for at once. */
const AT_ONCE = 4;
const LEFT_OPEN = /\bTODO$/u;

/** Reads the changes of a phase under review as the service serves them, or what is new since an earlier review, and objects to each line that ends in TODO. */
export async function readChanges(client: Client, phase: string, since: string | null): Promise<Reading> {
  const files = await client.reviewFiles(phase, since);
  const comments: NewComment[] = [];
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const read = files.slice(at, at + AT_ONCE).map(async (file) => {
      const lines = await client.reviewLines(phase, file, since);
      return objectionsTo(file, lines);
    });
    comments.push(...(await Promise.all(read)).flat());
  }
  return { files: files.length, comments };
}

/** The first open line of a file gets a comment of its own, all lines right after each other that follow one together. */
export function objectionsTo({ project, path }: ChangedFile, lines: readonly DiffLine[]): NewComment[] {
  const [first, ...others] = lines.flatMap(({ kind, text, new: number }) =>
    kind === 'added' && number !== null && LEFT_OPEN.test(text) ? [number] : [],
  );
  if (first === undefined) return [];
  const place = { project, file: path };
  const alone = { ...place, startLine: null, line: first, text: 'Please finish this.' };
  return [
    alone,
    ...runsOf(others).map(([from, to]) => ({
      ...place,
      startLine: from === to ? null : from,
      line: to,
      text: 'The same here.',
    })),
  ];
}

/** Numbers in order as pairs of the first and the last of those that follow each other. */
function runsOf(numbers: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
