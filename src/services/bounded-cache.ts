interface Entry<V> {
  readonly value: Promise<V>;
  weight: number;
}

/**
 * What costs much to make and never changes, such as the difference of two commits. It is only speed: the least used is forgotten when
 * all of it together weighs more than the limit, and what failed is not kept at all. Two who ask at once wait for one answer.
 */
export class BoundedCache<V> {
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  /** The least used first. */
  readonly #entries = new Map<string, Entry<V>>();
  #weight = 0;

  constructor(limit: number, weigh: (value: V) => number = () => 0) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  async get(key: string, make: () => Promise<V>): Promise<V> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.value;
    }
    const entry: Entry<V> = { value: make(), weight: 0 };
    this.#entries.set(key, entry);
    try {
      const value = await entry.value;
      // Even what is nothing by itself takes a place.
      this.#keep(key, entry, this.#weigh(value) + 1);
      return value;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #keep(key: string, entry: Entry<V>, weight: number): void {
    if (this.#entries.get(key) !== entry) return;
    if (weight > this.#limit) {
      // Everything else would have to go for what can not stay anyway.
      this.#entries.delete(key);
      return;
    }
    entry.weight = weight;
    this.#weight += weight;
    for (const [oldest, { weight: freed }] of this.#entries) {
      if (this.#weight <= this.#limit) return;
      // What is still being made weighs nothing yet, and somebody waits for it.
      if (freed === 0) continue;
      this.#entries.delete(oldest);
      this.#weight -= freed;
    }
  }
}
