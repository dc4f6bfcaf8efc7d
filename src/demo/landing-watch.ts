import { existsSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

const LOCK = '.lock';

/**
 * Sees a landing from outside: git makes `<ref>.lock` beside a ref that it is about to move, which is after the service has
 * written down what it intends, and before it has heard that it is done.
 */
export class LandingWatch {
  readonly #hub: string;
  readonly #initiative: string;
  readonly #onLanding: (ref: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Branches that are there: the first `.lock` beside a branch only makes it. */
  readonly #born = new Set<string>();
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
    for (const name of readdirSync(folder)) this.#note(folder, name);
    const watcher = watch(folder, (_event, file) => {
      if (file !== null) this.#note(folder, file);
    });
    watcher.on('error', () => {
      watcher.close();
      this.#watchers.delete(folder);
    });
    this.#watchers.set(folder, watcher);
  }

  /** Names come in the order in which git made them: `<ref>.lock`, then `<ref>`. */
  #note(folder: string, file: string): void {
    if (!file.endsWith(LOCK)) this.#born.add(join(folder, file));
    else if (this.#born.has(join(folder, file.slice(0, -LOCK.length))))
      this.#onLanding(file.slice(0, -LOCK.length));
  }
}
