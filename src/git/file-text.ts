import { blobContent, blobSize } from './blob.ts';
import type { Repository } from './repository.ts';
import { encodingOf, isBinary, maxTextBytes, splitLines, type TextEncoding } from './text-lines.ts';

export interface TextLine {
  line: number;
  text: string;
}

export type Excerpt =
  | { kind: 'text'; lineCount: number; encoding: TextEncoding; lines: TextLine[] }
  | { kind: 'binary'; size: number }
  | { kind: 'too_large'; size: number };

/**
 * The lines from `startLine` to `endLine` and up to `around` more on both sides. Lines that do not exist are left out, and
 * `lineCount` says which do; `encoding` is that of the lines.
 */
export async function excerpt(
  repository: Repository,
  blob: string,
  startLine: number,
  endLine: number,
  around: number,
  maxBytes: number = maxTextBytes,
): Promise<Excerpt> {
  const size = await blobSize(repository, blob);
  if (size > maxBytes) return { kind: 'too_large', size };
  const content = await blobContent(repository, blob);
  if (isBinary(content)) return { kind: 'binary', size };
  const all = splitLines(content);
  const first = Math.max(1, startLine - around);
  const shown = all.slice(first - 1, Math.max(first - 1, endLine + around));
  return {
    kind: 'text',
    lineCount: all.length,
    encoding: shown.every((line) => encodingOf(line) === 'utf-8') ? 'utf-8' : 'unknown',
    lines: shown.map((line, index) => ({ line: first + index, text: line.toString('utf8') })),
  };
}
