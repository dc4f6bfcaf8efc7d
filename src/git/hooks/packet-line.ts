import type { Readable } from 'node:stream';

export const flushPacket = '0000';

/** One line in git's packet format: four hex digits of length, themselves included (gitprotocol-common(5)). */
export function packet(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text;
}

/** Reads packet lines up to a flush. */
export class PacketReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(input: Readable) {
    this.#chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async section(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const length = Number.parseInt((await this.#take(4)).toString('latin1'), 16);
      if (length === 0) return lines;
      if (!(length >= 4)) throw new Error('git wrote something that is no packet line');
      lines.push((await this.#take(length - 4)).toString('utf8').replace(/\n$/, ''));
    }
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#buffer.length < size) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Error('git ended before the push was described');
      this.#buffer = Buffer.concat([this.#buffer, value]);
    }
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }
}
