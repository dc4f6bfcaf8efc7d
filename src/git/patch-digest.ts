import { createHash } from 'node:crypto';

/** Longer than an `index` line of the longest ids: enough of a line to know what it is. */
const headBytes = 256;

/**
 * A hash of what a patch does, whatever lines it does it at. Takes the patch in pieces of any size and keeps none of it, so that a
 * patch of any size has one. Left out are the line numbers and headings of hunks, which change with what others did above, and the
 * ids of text files, whose lines are there; the ids of binary files are all that is known of them, and count.
 */
export class PatchDigest {
  readonly #hash = createHash('sha256');
  #isEmpty = true;
  /** The beginning of a line of which too little is known yet. */
  #head: Buffer[] = [];
  #headSize = 0;
  /** What becomes of the rest of the line; null at its beginning. */
  #rest: 'counts' | 'is left out' | null = null;
  /** The ids of a file, until it is known to be binary. */
  #index: Buffer | null = null;

  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const newline = chunk.indexOf(10, at);
      const end = newline === -1 ? chunk.length : newline + 1;
      this.#add(chunk.subarray(at, end), newline !== -1);
      at = end;
    }
  }

  /** Null when there was no patch. */
  digest(): string | null {
    if (this.#headSize > 0) this.#begin(Buffer.concat(this.#head));
    return this.#isEmpty ? null : this.#hash.digest('hex');
  }

  #add(piece: Buffer, isEnd: boolean): void {
    if (this.#rest === 'counts') this.#hash.update(piece);
    if (this.#rest === null) {
      this.#head.push(piece);
      this.#headSize += piece.length;
      if (!isEnd && this.#headSize < headBytes) return;
      this.#rest = this.#begin(Buffer.concat(this.#head));
      [this.#head, this.#headSize] = [[], 0];
    }
    if (isEnd) this.#rest = null;
  }

  /** A line of content begins with a space, a plus, a minus or a backslash, and is never taken for one of these. */
  #begin(head: Buffer): 'counts' | 'is left out' {
    this.#isEmpty = false;
    const text = head.toString('latin1', 0, 16);
    if (text.startsWith('index ')) {
      this.#index = head;
      return 'is left out';
    }
    if (this.#index !== null && text.startsWith('Binary files ')) this.#hash.update(this.#index);
    this.#index = null;
    if (text.startsWith('@@ ')) {
      this.#hash.update('@@\n');
      return 'is left out';
    }
    this.#hash.update(head);
    return 'counts';
  }
}
