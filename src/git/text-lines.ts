import { isUtf8 } from 'node:buffer';

/** `unknown`: not UTF-8, and every byte that did not fit was replaced. */
export type TextEncoding = 'utf-8' | 'unknown';

/** Above this size a file is not shown line by line. */
export const maxTextBytes = 5 * 1024 * 1024;

/** Git's own rule, so that a file is binary here whenever its diff says so. */
export function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, 8_000).includes(0);
}

/** Lines as git counts them: they end at a line feed and at nothing else. What follows the last one is a line, too. */
export function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from);
    const end = newline === -1 ? bytes.length : newline;
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return lines;
}

export function encodingOf(bytes: Buffer): TextEncoding {
  return isUtf8(bytes) ? 'utf-8' : 'unknown';
}
