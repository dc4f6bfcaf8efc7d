import { pathBytes } from './path-name.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** A commit on the first-parent line of a branch, with the unit that it landed, if it is a landing. */
export interface TouchingCommit {
  readonly oid: string;
  readonly author: string;
  readonly subject: string;
  /** The id in the trailer of a landing's merge commit. */
  readonly unitId: string | null;
}

const FORMAT = ['%H', '%an', '%s', '%(trailers:key=Signalbox-Unit,valueonly,separator=%x20)'].join('%x00');

/**
 * Why a side of a conflict changed these files: the commits of its first-parent line since `base` that touched one of them, newest
 * first. A landing counts as one commit. Without a base, from the beginning. The files are named as `pathName` prints them.
 */
export async function commitsTouching(
  repository: Repository,
  range: { readonly base: string | null; readonly tip: string },
  paths: readonly string[],
  limit: number,
): Promise<TouchingCommit[]> {
  if (paths.length === 0) return [];
  const stdin = Buffer.concat([Buffer.from('--\n'), ...paths.flatMap(pathspecLine)]);
  const { stdout } = await repository.git(
    [
      'log',
      '-z',
      '--first-parent',
      `--max-count=${limit}`,
      `--format=${FORMAT}`,
      '--stdin',
      checkObjectId(range.tip),
      ...(range.base === null ? [] : [`^${checkObjectId(range.base)}`]),
    ],
    { stdin },
  );
  const fields = stdout.toString('utf8').split('\0');
  const commits: TouchingCommit[] = [];
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [oid = '', author = '', subject = '', trailer = ''] = fields.slice(at, at + 4);
    const unitId = /([0-9a-f-]{36})\s*$/.exec(trailer)?.[1] ?? null;
    commits.push({ oid, author, subject, unitId });
  }
  return commits;
}

/**
 * One file as a line of standard input, which takes as many of them as there are, and any bytes but those that end a line: a name with
 * such a byte is a pattern, in which any byte may stand there.
 */
function pathspecLine(name: string): Buffer[] {
  const bytes = pathBytes(name);
  if (bytes === null) return [];
  const text = bytes.toString('latin1');
  const spec = /[\r\n]/.test(text)
    ? `:(glob)${text.replaceAll(/[*?[\\]/g, '\\$&').replaceAll(/[\r\n]/g, '?')}`
    : `:(literal)${text}`;
  return [Buffer.from(`${spec}\n`, 'latin1')];
}
