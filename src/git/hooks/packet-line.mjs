// @ts-check
export const flushPacket = '0000';

/**
 * One line in git's packet format: four hex digits of length, themselves included (gitprotocol-common(5)).
 * @param {string} text
 */
export function packet(text) {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text;
}

/** Reads packet lines up to a flush. */
export class PacketReader {
  /** @type {AsyncIterator<Buffer>} */
  #chunks;
  /** @type {Buffer} */
  #buffer = Buffer.alloc(0);

  /** @param {import('node:stream').Readable} input */
  constructor(input) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** @returns {Promise<string[]>} */
  async section() {
    /** @type {string[]} */
    const lines = [];
    for (;;) {
      const length = Number.parseInt((await this.#take(4)).toString('latin1'), 16);
      if (length === 0) return lines;
      if (!(length >= 4)) throw new Error('git wrote something that is no packet line');
      lines.push((await this.#take(length - 4)).toString('utf8').replace(/\n$/, ''));
    }
  }

  /** @param {number} size in bytes */
  async #take(size) {
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
