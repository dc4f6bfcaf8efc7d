import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { World } from '../crash/world.ts';

/** Renames an initiative over and over in several loops, and remembers what the service said was done. */
export class Load {
  readonly acknowledged: string[] = [];
  failed = 0;
  readonly #world: World;
  readonly #initiative: string;
  readonly #loops: Promise<void>[];
  #stopped = false;

  constructor(world: World, initiative: string) {
    this.#world = world;
    this.#initiative = initiative;
    this.#loops = Array.from({ length: 4 }, () => this.#loop());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** Everything that was acknowledged is in the journal once, and the journal has no gap. */
  async expectKept(): Promise<void> {
    const entries: { seq: number; event: { title?: string } }[] = [];
    for (let after = 0; ;) {
      const page = await this.#world.ask<{ entries: typeof entries; next: number }>(
        'GET',
        `/v1/initiatives/${this.#initiative}/journal?after=${after}&limit=500`,
      );
      entries.push(...page.entries);
      if (page.entries.length === 0) break;
      after = page.next;
    }
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    const written = entries.flatMap(({ event }) => event.title ?? []);
    expect(new Set(written).size).toBe(written.length);
    const kept = new Set(written);
    expect(this.acknowledged.filter((title) => !kept.has(title))).toEqual([]);
  }

  async #loop(): Promise<void> {
    for (let n = 0; !this.#stopped && n < 5_000; n += 1) {
      const title = `title ${randomUUID()}`;
      try {
        await this.#world.ask('POST', `/v1/initiatives/${this.#initiative}/events`, {
          type: 'initiative.rename',
          title,
        });
        this.acknowledged.push(title);
      } catch {
        this.failed += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
