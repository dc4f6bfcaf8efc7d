import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';
import { isBinary } from './text-lines.ts';

/** Longer lines are no conflict markers: what git writes behind one is the name of a branch or commit. */
const MAX_LINE = 4_096;
/** Of lines that look like conflict markers, in all. */
const MAX_BYTES = 1024 * 1024;
const LINE_FEED = 10;
const SIGNS: readonly number[] = [0x3c /* < */, 0x7c /* | */, 0x3e /* > */];

/** The lines of a file of any size that begin with the sign of a conflict marker, and nothing else of it; null when it is no text. */
export async function markedLines(repository: Repository, oid: string): Promise<Buffer | null> {
  const lines = new MarkedLines();
  await repository.git(['cat-file', 'blob', checkObjectId(oid)], {
    onStdout: (chunk) => lines.write(chunk),
  });
  return lines.text();
}

class MarkedLines {
  readonly #found: Buffer[] = [];
  #size = 0;
  /** The beginning of the file, as much as says whether it is text. */
  #head: Buffer = Buffer.alloc(0);
  /** The line that has begun, if it may be one of them. */
  #line: Buffer | null = Buffer.alloc(0);

  write(chunk: Buffer): void {
    if (this.#head.length < 8_000) this.#head = Buffer.concat([this.#head, chunk.subarray(0, 8_000)]);
    for (let from = 0; from < chunk.length;) {
      const newline = chunk.indexOf(LINE_FEED, from);
      const end = newline === -1 ? chunk.length : newline;
      this.#add(chunk.subarray(from, end));
      if (newline !== -1) this.#endLine();
      from = end + 1;
    }
  }

  text(): Buffer | null {
    this.#endLine();
    return isBinary(this.#head) ? null : Buffer.concat(this.#found);
  }

  #add(part: Buffer): void {
    if (this.#line === null || part.length === 0) return;
    const [first] = this.#line.length > 0 ? this.#line : part;
    const isCandidate = SIGNS.includes(first ?? 0) && this.#line.length + part.length <= MAX_LINE;
    this.#line = isCandidate ? Buffer.concat([this.#line, part]) : null;
  }

  #endLine(): void {
    if (this.#line !== null && this.#line.length > 0 && this.#size < MAX_BYTES) {
      this.#found.push(this.#line, Buffer.from('\n'));
      this.#size += this.#line.length + 1;
    }
    this.#line = Buffer.alloc(0);
  }
}
