import { existsSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/**
 * Sees a landing from outside: git makes `<ref>.lock` beside a ref that it is about to move, which is after the service has
 * written down what it intends, and before it has heard that it is done.
 */
export class LandingWatch {
  readonly #hub: string;
  readonly #initiative: string;
  readonly #onLanding: (ref: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #timer: NodeJS.Timeout;

  constructor(hub: string, initiative: string, onLanding: (ref: string) => void) {
    this.#hub = hub;
    this.#initiative = initiative;
    this.#onLanding = onLanding;
    this.#timer = setInterval(() => this.#look(), 50);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  /** The folders come with the first branch in them. */
  #look(): void {
    if (!existsSync(this.#hub)) return;
    for (const name of readdirSync(this.#hub)) {
      const own = join(this.#hub, name, 'refs', 'heads', 'signalbox', this.#initiative);
      for (const folder of [own, join(own, 'phase')]) this.#watch(folder);
    }
  }

  #watch(folder: string): void {
    if (this.#watchers.has(folder) || !existsSync(folder)) return;
    const watcher = watch(folder, (_event, file) => {
      const ref = file?.endsWith('.lock') === true ? file.slice(0, -'.lock'.length) : null;
      // A branch that is not there yet is being made, not landed on.
      if (ref !== null && existsSync(join(folder, ref))) this.#onLanding(ref);
    });
    watcher.on('error', () => {
      watcher.close();
      this.#watchers.delete(folder);
    });
    this.#watchers.set(folder, watcher);
  }
}
